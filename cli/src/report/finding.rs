//! One sentence per question that says what its answer shows, derived from the answer.
//!
//! A question without a sentence here is still shown with its chart and its figures.

use crate::report::keyed;
use crate::table::Table;
use shopflow_page::number::{compact, thousands_decimal};

/// What the answer to a question shows; none when it is empty or the question is not known.
/// `last_day` is the last day with data: what it cuts short is not compared.
pub fn finding(question: &str, answer: &Table, last_day: Option<&str>) -> Option<String> {
    let sentence = sentence(question, answer, last_day)?;
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect())
}

fn sentence(question: &str, answer: &Table, last_day: Option<&str>) -> Option<String> {
    match question {
        "average_order_value_by_country" => order_value(answer),
        "basket_size" => basket_size(answer),
        "best_selling_products" => best_sellers(answer),
        "category_mix" => category_mix(answer),
        "cohort_retention" => cohorts(answer),
        "conversion_funnel" => funnel(answer),
        "margin_by_category" => margins(answer),
        "monthly_revenue_trend" => months(answer, last_day),
        "payment_mix" => payment_mix(answer),
        "repeat_purchase_rate" => repeat_rate(answer),
        "supplier_performance" => suppliers(answer),
        "top_customers" => top_customers(answer),
        "weekly_growth" => weeks(answer),
        _ => None,
    }
}

/// `2026-01` as `January 2026`, anything else as it is.
fn month_name(month: &str) -> String {
    match format!("{month}-01").parse::<chrono::NaiveDate>() {
        Ok(date) => date.format("%B %Y").to_string(),
        Err(_) => month.to_owned(),
    }
}

fn rows(table: &Table) -> std::ops::Range<usize> {
    0..table.rows.len()
}

fn money(table: &Table, row: usize, column: &str) -> Option<String> {
    table.cell(row, column).map(thousands_decimal)
}

/// The row with the largest number; the first of equals.
fn largest(table: &Table, column: &str) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for row in rows(table) {
        if let Some(number) = table.number(row, column)
            && best.is_none_or(|(_, most)| number > most)
        {
            best = Some((row, number));
        }
    }
    best.map(|(row, _)| row)
}

/// `rose 3.2%`, `fell 3.2%`, `stayed the same`.
fn movement(percent: f64) -> String {
    match percent {
        _ if percent >= 0.05 => format!("rose {percent:.1}%"),
        _ if percent <= -0.05 => format!("fell {:.1}%", -percent),
        _ => "stayed the same".to_owned(),
    }
}

fn order_value(table: &Table) -> Option<String> {
    let priced: Vec<usize> =
        rows(table).filter(|row| table.number(*row, "average_order_value").is_some()).collect();
    let (first, last) = (*priced.first()?, *priced.last()?);
    let value =
        |row| Some((table.cell(row, "country")?, money(table, row, "average_order_value")?));
    let ((best, most), (worst, least)) = (value(first)?, value(last)?);
    if first == last {
        return Some(format!("An average order from {best} is worth {most}."));
    }
    Some(format!(
        "An average order is worth most in {best}, {most}, and least in {worst}, {least}."
    ))
}

fn basket_size(table: &Table) -> Option<String> {
    let total: f64 = rows(table).filter_map(|row| table.number(row, "baskets")).sum();
    let usual = largest(table, "baskets")?;
    let size = match table.cell(usual, "lines")? {
        "1" => "1 line".to_owned(),
        lines => format!("{lines} lines"),
    };
    Some(format!(
        "{:.1}% of {} baskets have {size}; such a basket is worth {} on average.",
        table.number(usual, "baskets_percent")?,
        thousands_decimal(&format!("{total:.0}")),
        money(table, usual, "average_value")?,
    ))
}

fn best_sellers(table: &Table) -> Option<String> {
    let best = largest(table, "units")?;
    let product = match table.cell(best, "product") {
        Some(name) => name.to_owned(),
        None => {
            let key = table.cell(best, keyed::KEY).or_else(|| table.cell(best, "product_id"));
            format!("Product {}", key?)
        }
    };
    Some(format!(
        "{product} ({}) sells best of all, with {} units.",
        table.cell(best, "category")?,
        money(table, best, "units")?,
    ))
}

fn category_mix(table: &Table) -> Option<String> {
    let first = table.cell(0, "category")?;
    let share = table.number(0, "share_percent")?;
    let gaining = largest(table, "change_points")?;
    let gain = table.number(gaining, "change_points")?;
    let news = if gain >= 0.05 {
        format!(
            "; {} gains most, {gain:.1} points above its average in the last three months",
            table.cell(gaining, "category")?,
        )
    } else {
        String::new()
    };
    Some(format!("{first} brings {share:.1}% of revenue, more than any other category{news}."))
}

fn margins(table: &Table) -> Option<String> {
    let category = table.cell(0, "category")?;
    let share = table
        .cell(0, "margin_percent")
        .map(|percent| format!(", {percent}% of its revenue whose cost is known"))
        .unwrap_or_default();
    Some(format!("{category} has the largest margin, {}{share}.", money(table, 0, "margin")?))
}

/// Over all months of the answer; nothing where nobody knows how most was paid.
fn payment_mix(table: &Table) -> Option<String> {
    let mut methods: Vec<(&str, f64)> = Vec::new();
    for row in rows(table) {
        let Some(amount) = table.number(row, "amount") else { continue };
        let method = table.cell(row, "payment_method")?;
        match methods.iter_mut().find(|(known, _)| *known == method) {
            Some((_, sum)) => *sum += amount,
            None => methods.push((method, amount)),
        }
    }
    let all: f64 = methods.iter().map(|(_, amount)| amount).sum();
    let (method, most) = methods.into_iter().max_by(|one, other| one.1.total_cmp(&other.1))?;
    if method == "unknown" || all <= 0.0 {
        return None;
    }
    Some(format!(
        "Most is paid by {}: {:.1}% of all amounts of the last twelve months.",
        method.replace('_', " "),
        100.0 * most / all,
    ))
}

/// Over the cohorts whose first month after is complete, that is, which have a second one.
fn cohorts(table: &Table) -> Option<String> {
    let of_month = |month: &str| -> (f64, f64) {
        let complete = rows(table).filter(|row| {
            table.cell(*row, "month") == Some(month)
                && table.cell(row + 1, "cohort") == table.cell(*row, "cohort")
        });
        complete.fold((0.0, 0.0), |(active, customers), row| {
            let number = |column| table.number(row, column).unwrap_or(0.0);
            (active + number("active"), customers + number("customers"))
        })
    };
    let share =
        |(active, customers): (f64, f64)| (customers > 0.0).then(|| 100.0 * active / customers);
    let after_one = share(of_month("1"))?;
    let after_six = share(of_month("6"))
        .map(|share| format!(", and {share:.1}% in the sixth"))
        .unwrap_or_default();
    Some(format!(
        "Of the customers of a month, {after_one:.1}% buy again in the month after their \
         first purchase{after_six}."
    ))
}

fn funnel(table: &Table) -> Option<String> {
    let last = table.rows.len().checked_sub(1)?;
    let all = table.number(last, "of_all_percent")?;
    let worst = rows(table)
        .filter_map(|row| Some((row, table.number(row, "of_step_percent")?)))
        .min_by(|one, other| one.1.total_cmp(&other.1))?;
    Some(format!(
        "{all:.1}% of {} visits end in a purchase; most are lost before \u{201c}{}\u{201d}, which \
         {:.1}% of those before it reach.",
        money(table, 0, "sessions")?,
        table.cell(worst.0, "step")?,
        worst.1,
    ))
}

fn months(table: &Table, last_day: Option<&str>) -> Option<String> {
    let last = table.rows.len().checked_sub(1)?;
    let is_cut = last_day.is_some_and(|day| cuts_short(day, table.cell(last, "month")));
    let complete = if is_cut { last.checked_sub(1)? } else { last };
    let month = month_name(table.cell(complete, "month")?);
    let best = largest(table, "revenue")?;
    let change = table
        .number(complete, "growth_percent")
        .map(|percent| format!("Revenue {} in {month}", movement(percent)));
    let begin = change.unwrap_or_else(|| format!("Revenue came in from {month}"));
    let cut = if is_cut {
        format!(" ({} is not over yet)", month_name(table.cell(last, "month")?))
    } else {
        String::new()
    };
    Some(format!(
        "{begin}, the latest complete month{cut}; the best was {} with {}.",
        month_name(table.cell(best, "month")?),
        money(table, best, "revenue")?,
    ))
}

/// True when `day`, the last with data, is in `month` and not its last day.
pub fn cuts_short(day: &str, month: Option<&str>) -> bool {
    let date: Option<chrono::NaiveDate> = day.parse().ok();
    let next = date.and_then(|date| date.succ_opt());
    match (month, next) {
        (Some(month), Some(next)) => {
            day.starts_with(month) && next.format("%Y-%m").to_string() == month
        }
        _ => false,
    }
}

fn repeat_rate(table: &Table) -> Option<String> {
    let sum = |column: &str, from: usize| -> f64 {
        (from..table.rows.len()).filter_map(|row| table.number(row, column)).sum()
    };
    let once = usize::from(table.cell(0, "baskets")? == "1");
    let (customers, all) = (sum("customers", once), sum("customers", 0));
    (all > 0.0).then(|| {
        format!(
            "{:.1}% of {} customers have come back, and they bring {:.1}% of revenue.",
            100.0 * customers / all,
            thousands_decimal(&format!("{all:.0}")),
            sum("revenue_percent", once),
        )
    })
}

fn suppliers(table: &Table) -> Option<String> {
    let half = rows(table).find(|row| {
        table.number(*row, "cumulative_percent").is_some_and(|percent| percent >= 50.0)
    })?;
    let first = table.cell(0, "supplier")?;
    let share = table.number(0, "share_percent")?;
    let are = if half == 0 { "supplier brings" } else { "suppliers bring" };
    Some(format!(
        "{} of {} {are} half of revenue; {first} leads with {share:.1}%.",
        half + 1,
        table.rows.len(),
    ))
}

fn top_customers(table: &Table) -> Option<String> {
    let total: f64 = rows(table).filter_map(|row| table.number(row, "revenue")).sum();
    let together = match table.rows.len() {
        1 => String::new(),
        number => format!("; the best {number} spent {} together", compact(total)),
    };
    Some(format!(
        "Customer {} spent most, {} in {} lines{together}.",
        table.cell(0, "customer_id")?,
        money(table, 0, "revenue")?,
        money(table, 0, "transactions")?,
    ))
}

fn weeks(table: &Table) -> Option<String> {
    let complete = |row: &usize| table.cell(*row, "days") == Some("7");
    let latest = rows(table).rev().find(complete)?;
    let growth: Vec<f64> =
        rows(table).filter_map(|row| table.number(row, "growth_percent")).collect();
    let grew = growth.iter().filter(|percent| **percent > 0.0).count();
    let change = table
        .number(latest, "growth_percent")
        .map(|percent| format!(": revenue {} against the week before", movement(percent)));
    Some(format!(
        "The week of {} brought {}{}; {grew} of {} weeks grew.",
        table.cell(latest, "week")?,
        money(table, latest, "revenue")?,
        change.unwrap_or_default(),
        growth.len(),
    ))
}

#[cfg(test)]
#[path = "finding_tests.rs"]
mod tests;
