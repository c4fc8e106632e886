//! Reads the lineage of a query off DataFusion's logical plan, before it is optimised: names are
//! resolved there, and nothing is rewritten yet.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::datasource::empty::EmptyTable;
use datafusion::logical_expr::expr::WindowFunctionDefinition;
use datafusion::logical_expr::{Distinct, Expr, JoinType, LogicalPlan, SortExpr};
use datafusion::prelude::SessionContext;
use shopflow_lineage::Transformation;

use crate::relation::{Relation, Sources, through};

/// Lineage of one question over tables named `<layer>_<table>`, as the SQL of gold spells them.
pub async fn of(sql: &str, tables: &[(String, SchemaRef)]) -> Relation {
    let context = SessionContext::new();
    for (name, schema) in tables {
        let empty = Arc::new(EmptyTable::new(Arc::clone(schema)));
        context.register_table(name.replacen('.', "_", 1), empty).unwrap();
    }
    let frame = context.sql(sql).await.unwrap();
    walk(frame.logical_plan())
}

fn walk(plan: &LogicalPlan) -> Relation {
    let names = || plan.schema().fields().iter().map(|field| field.name().clone());
    match plan {
        LogicalPlan::TableScan(scan) => {
            assert!(scan.filters.is_empty(), "a scan without optimiser has no filters");
            Relation::table(&scan.table_name.table().replacen('_', ".", 1), names())
        }
        LogicalPlan::SubqueryAlias(alias) => walk(&alias.input),
        LogicalPlan::Limit(limit) => walk(&limit.input),
        LogicalPlan::Projection(projection) => {
            let input = Input::of(&projection.input);
            let sources = projection.expr.iter().map(|expr| input.value(expr));
            Relation { columns: names().zip(sources).collect(), rows: input.relation.rows.clone() }
        }
        LogicalPlan::Filter(filter) => {
            let input = Input::of(&filter.input);
            let by = input.used(&filter.predicate, Transformation::Filter);
            input.with_rows(by)
        }
        LogicalPlan::Sort(sort) => {
            let input = Input::of(&sort.input);
            let by = sort.expr.iter().flat_map(|key| input.used(&key.expr, Transformation::Sort));
            let by = by.collect();
            input.with_rows(by)
        }
        LogicalPlan::Distinct(Distinct::All(rows)) => {
            let input = Input::of(rows);
            let by = through(&input.relation.all(), Transformation::GroupBy);
            input.with_rows(by)
        }
        LogicalPlan::Aggregate(aggregate) => {
            let input = Input::of(&aggregate.input);
            let computed = aggregate.group_expr.iter().chain(&aggregate.aggr_expr);
            let columns = names().zip(computed.map(|expr| input.value(expr))).collect();
            let groups = aggregate.group_expr.iter();
            let by = groups.flat_map(|expr| input.used(expr, Transformation::GroupBy)).collect();
            Relation { columns, rows: input.with_rows(by).rows }
        }
        LogicalPlan::Window(window) => {
            let input = Input::of(&window.input);
            let computed = window.window_expr.iter().map(|expr| input.value(expr));
            let kept = input.relation.columns.iter().map(|(_, sources)| sources.clone());
            let columns = names().zip(kept.chain(computed)).collect();
            Relation { columns, rows: input.relation.rows.clone() }
        }
        LogicalPlan::Join(join) => {
            let (left, right) = (Input::of(&join.left), Input::of(&join.right));
            let mut rows = &left.relation.rows | &right.relation.rows;
            for (one, other) in &join.on {
                rows.extend(left.used(one, Transformation::Join));
                rows.extend(right.used(other, Transformation::Join));
            }
            let both = [left.relation.columns, right.relation.columns].concat();
            if let Some(filter) = &join.filter {
                let schema = join.left.schema().join(join.right.schema()).unwrap();
                let columns = both.clone();
                let joined =
                    Input { schema: &schema, relation: Relation { columns, rows: Sources::new() } };
                rows.extend(joined.used(filter, Transformation::Join));
            }
            let whole = matches!(
                join.join_type,
                JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full
            );
            assert!(whole, "lineage of a {} join is not known", join.join_type);
            Relation { columns: both, rows }
        }
        LogicalPlan::Union(union) => {
            let mut parts = union.inputs.iter().map(|input| walk(input));
            let mut all = parts.next().unwrap();
            for part in parts {
                for ((_, sources), (_, more)) in all.columns.iter_mut().zip(part.columns) {
                    sources.extend(more);
                }
                all.rows.extend(part.rows);
            }
            all
        }
        other => panic!("lineage of this step is not known: {}", other.display()),
    }
}

/// A relation that expressions refer to.
struct Input<'a> {
    schema: &'a DFSchema,
    relation: Relation,
}

impl<'a> Input<'a> {
    fn of(plan: &'a LogicalPlan) -> Input<'a> {
        Input { schema: plan.schema(), relation: walk(plan) }
    }

    fn with_rows(self, by: Sources) -> Relation {
        let mut relation = self.relation;
        relation.rows.extend(by);
        relation
    }

    fn column(&self, column: &Column) -> Sources {
        self.relation.columns[self.schema.index_of_column(column).unwrap()].1.clone()
    }

    /// Sources of everything an expression names, as something that decides.
    fn used(&self, expr: &Expr, by: Transformation) -> Sources {
        through(&self.value(expr), by)
    }

    fn keys(&self, partition: &[Expr], order: &[SortExpr]) -> Sources {
        let keys = partition.iter().chain(order.iter().map(|key| &key.expr));
        keys.flat_map(|expr| self.used(expr, Transformation::Window)).collect()
    }

    /// Sources of the value of an expression.
    fn value(&self, expr: &Expr) -> Sources {
        let all = |exprs: &[Expr], by| -> Sources {
            exprs.iter().flat_map(|expr| through(&self.value(expr), by)).collect()
        };
        match expr {
            Expr::Alias(alias) => self.value(&alias.expr),
            Expr::Column(column) => self.column(column),
            Expr::AggregateFunction(function) => {
                let parameters = &function.params;
                let mut sources = all(&parameters.args, Transformation::Aggregation);
                let filter = parameters.filter.iter();
                sources.extend(filter.flat_map(|f| self.used(f, Transformation::Conditional)));
                sources
            }
            Expr::WindowFunction(function) => {
                let by = match function.fun {
                    WindowFunctionDefinition::AggregateUDF(_) => Transformation::Aggregation,
                    WindowFunctionDefinition::WindowUDF(_) => Transformation::Transformation,
                };
                let parameters = &function.params;
                let mut sources = all(&parameters.args, by);
                sources.extend(self.keys(&parameters.partition_by, &parameters.order_by));
                sources
            }
            Expr::Case(case) => {
                let whens = case.when_then_expr.iter().map(|(when, _)| when);
                let conditions = case.expr.iter().chain(whens);
                let mut sources: Sources = conditions
                    .flat_map(|expr| self.used(expr, Transformation::Conditional))
                    .collect();
                let thens = case.when_then_expr.iter().map(|(_, then)| then);
                let values = thens.chain(&case.else_expr);
                let computed = Transformation::Transformation;
                sources.extend(values.flat_map(|expr| through(&self.value(expr), computed)));
                sources
            }
            Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_) => {
                panic!("lineage of a subquery in an expression is not known: {expr}")
            }
            computed => {
                let mut sources = Sources::new();
                computed
                    .apply_children(|child| {
                        let by = Transformation::Transformation;
                        sources.extend(through(&self.value(child), by));
                        Ok(TreeNodeRecursion::Continue)
                    })
                    .unwrap();
                sources
            }
        }
    }
}
