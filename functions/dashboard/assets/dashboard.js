// Asks for the figures every second and shows them. All series have a fixed length, and
// elements are made once, so the page does not grow however long it is open.
'use strict';
(() => {
  const EVERY = 1000;       // milliseconds from an answer to the next question
  const PATIENCE = 10000;   // for an answer
  const SLOWEST = 60000;    // between questions when none is answered
  const STALE = 12000;      // after that, figures are no longer live
  const QUIET = 120;        // seconds without an event that are worth a notice
  const CALM = 60000;       // between two announcements of figures

  const $ = id => document.getElementById(id);
  const body = document.body;
  let etag = null;          // of the figures that are shown
  let live = null;          // the figures
  let answered = 0;         // when the last answer came, by performance.now()
  let offset = 0;           // the clock of the server less this one's
  let failures = 0;
  let why = '';
  let paused = false;
  let expired = false;
  let timer = 0;
  let asking = null;
  let spokenAt = 0;
  let spokenState = 'connecting';

  // ---- text ----
  const whole = new Intl.NumberFormat('en');
  const tenth = new Intl.NumberFormat('en', {minimumFractionDigits: 1, maximumFractionDigits: 1});
  const NONE = '–';
  const count = n => n == null ? NONE : whole.format(n);
  const rate = n => n == null ? NONE : tenth.format(n);
  const percent = n => n == null ? NONE : tenth.format(n * 100) + ' %';
  let moneys = null;
  function money(text) {
    if (text == null) return NONE;
    if (!moneys || moneys.currency !== live.currency) {
      let format = n => n.toFixed(2) + ' ' + live.currency;
      try {
        const built = new Intl.NumberFormat('en', {style: 'currency', currency: live.currency});
        format = n => built.format(n);
      } catch (error) { /* not a currency the browser knows */ }
      moneys = {currency: live.currency, format};
    }
    return moneys.format(Number(text));
  }
  const two = n => String(n).padStart(2, '0');
  function clock(seconds, exact) {
    const at = new Date(seconds * 1000);
    const text = two(at.getHours()) + ':' + two(at.getMinutes());
    return exact ? text + ':' + two(at.getSeconds()) : text;
  }
  const seconds = text => Date.parse(text) / 1000;
  function span(length) {
    const s = Math.max(0, Math.round(length));
    if (s < 120) return s + ' s';
    if (s < 7200) return Math.floor(s / 60) + ' min';
    return Math.floor(s / 3600) + ' h';
  }
  function write(element, text) {
    const node = typeof element === 'string' ? $(element) : element;
    if (node.textContent !== text) node.textContent = text;
  }
  function show(element, text) {
    element.hidden = !text;
    if (text) write(element, text);
  }
  function against(now, before) {
    if (now == null || before == null) return 'last week not known';
    if (!(before > 0)) return now > 0 ? 'none last week' : 'as last week';
    const change = Math.round((now / before - 1) * 100);
    return change === 0 ? 'as last week'
      : (change > 0 ? '▲ ' : '▼ ') + whole.format(Math.abs(change)) + ' % on last week';
  }

  // ---- tables: rows are made once and filled again ----
  function rows(parent, length, make) {
    while (parent.children.length < length) parent.append(make());
    while (parent.children.length > length) parent.lastElementChild.remove();
    return parent.children;
  }
  function row(...classes) {
    const tr = document.createElement('tr');
    classes.forEach((name, index) => {
      const cell = document.createElement(index === 0 ? 'th' : 'td');
      if (index === 0) cell.scope = 'row';
      if (name) cell.className = name;
      tr.append(cell);
    });
    return tr;
  }
  function fill(id, list, classes, cells) {
    const made = rows($(id), list.length, () => row(...classes));
    list.forEach((item, index) =>
      cells(item, index).forEach((text, cell) => write(made[index].children[cell], text)));
  }

  // ---- charts ----
  const color = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  class Chart {
    constructor(id, series, words) {
      this.box = $(id + '-plot');
      this.reading = $(id + '-reading');
      this.words = words;
      this.data = null;
      this.at = null;
      const font = '12px system-ui, sans-serif';
      const axis = more => ({
        stroke: () => color('--quiet'), font, ticks: {show: false},
        grid: {stroke: () => color('--line'), width: 1}, ...more,
      });
      // Without figures there is nothing that a place on an axis could be.
      const labels = words => (u, ticks) => ticks.map(tick => this.data ? words(tick) : '');
      this.plot = new uPlot({
        width: 300, height: this.box.clientHeight, legend: {show: false}, padding: [8, 18, 0, 0],
        cursor: {y: false, drag: {x: false, y: false}, points: {size: PIXELS}},
        scales: {x: {time: true}, y: {range: (u, low, high) => [0, high > 0 ? high * 1.1 : 1]}},
        axes: [
          axis({space: 64, size: 28, grid: {show: false}, values: labels(tick => clock(tick))}),
          axis({size: 52, space: 36, values: labels(short)}),
        ],
        series: [{}, ...series],
        hooks: {setCursor: [u => this.read(u.cursor.idx)]},
      }, [[0, 1], ...series.map(() => [null, null])], this.box);
      new ResizeObserver(() => this.fit()).observe(this.box);
      matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.plot.redraw());
      this.box.addEventListener('keydown', event => this.key(event));
      this.box.addEventListener('blur', () => this.leave());
    }
    fit() {
      const {clientWidth: width, clientHeight: height} = this.box;
      if (width > 0) this.plot.setSize({width, height});
    }
    // What a focused slider has as its value is read out whenever it changes: that is left to the keys.
    set(data) {
      const held = this.at == null ? null : this.data[0][this.at];
      this.data = data;
      this.plot.setData(data);
      if (held != null) this.point(Math.max(0, data[0].indexOf(held)));
      else this.read(this.plot.cursor.idx);
      if (document.activeElement !== this.box) this.say(this.at ?? this.last());
    }
    read(index) {
      if (this.data && this.at == null) write(this.reading, this.words(this.data, index ?? this.last()));
    }
    last() { return this.data[0].length - 1; }
    say(index) {
      this.box.setAttribute('aria-valuenow', index);
      this.box.setAttribute('aria-valuetext', this.words(this.data, index));
    }
    point(index) {
      this.at = index;
      this.plot.setCursor({left: this.plot.valToPos(this.data[0][index], 'x'), top: 0});
      write(this.reading, this.words(this.data, index));
    }
    move(index) {
      this.point(index);
      this.say(index);
    }
    leave() {
      this.at = null;
      this.plot.setCursor({left: -10, top: -10});
    }
    key(event) {
      if (!this.data) return;
      const last = this.last();
      const at = this.at ?? last;
      const next = {
        ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1,
        PageDown: at - 10, PageUp: at + 10, Home: 0, End: last,
      }[event.key];
      if (event.key === 'Escape') this.leave();
      if (next === undefined) return;
      event.preventDefault();
      this.move(Math.min(last, Math.max(0, next)));
    }
  }
  function short(n) {
    if (n >= 1e6) return +(n / 1e6).toFixed(1) + 'M';
    if (n >= 1e4) return +(n / 1e3).toFixed(1) + 'k';
    return whole.format(n);
  }
  const PIXELS = 7;         // of a point
  const lines = {
    now: {stroke: () => color('--mark'), fill: () => color('--mark') + '1a', width: 2, points: {show: false}},
    before: {stroke: () => color('--quiet'), width: 1.5, dash: [5, 4], points: {show: false}},
    underWay: {stroke: () => color('--mark'), width: 0,
      points: {show: true, size: PIXELS, width: 2, stroke: () => color('--mark'), fill: () => color('--card')}},
  };
  // The minute under way is a point of its own: as the end of the line it would look like a fall.
  const revenueChart = new Chart('revenue', [lines.before, lines.now, lines.underWay], (data, index) => {
    const isLast = index === data[0].length - 1;
    const now = money(data[isLast ? 3 : 2][index]) + (isLast ? ' so far' : '');
    return `${clock(data[0][index])}: ${now}; a week before ${money(data[1][index])}`;
  });
  const eventsChart = new Chart('events', [lines.now], (data, index) =>
    `${clock(data[0][index], true)}: ${rate(data[1][index])} events a second`);
  const times = series => series.values.map((_, index) => seconds(series.from) + index * series.step_seconds);
  const amounts = list => list.map(text => text == null ? null : Number(text));

  // ---- figures ----
  const STEPS = [['Visits', 'visits'], ['Saw a product', 'viewers'], ['Filled a cart', 'carts'],
    ['Began to pay', 'checkouts'], ['Bought', 'buyers']];
  const FATES = [['Events received', 'received'], ['Counted', 'applied'], ['of these, late', 'late'],
    ['Too late for every window', 'too_late'], ['Duplicates', 'duplicates'], ['Repeated by the platform', 'repeated'],
    ['Refused, in quarantine', 'refused'], ['Dated in the future', 'future']];

  function draw() {
    const {visitors, events, revenue, recent, week_before: before, funnel, trends, counts, findings} = live;
    write('visitors', count(visitors?.now));
    write('visitors-note', 'last 5 minutes' + (visitors?.bots ? `; ${count(visitors.bots)} bots` : ''));
    write('rate', rate(events?.per_second));
    write('revenue', money(recent?.revenue));
    write('revenue-note', against(recent && recent.revenue && Number(recent.revenue), before?.revenue && Number(before.revenue)));
    write('conversion', percent(recent?.conversion));
    write('conversion-note', before?.conversion == null ? 'last week not known' : percent(before.conversion) + ' last week');
    write('abandoned', count(live.abandoned_carts));
    const unpriced = recent?.purchases_without_amount;
    show($('unpriced'), unpriced ? (unpriced === 1 ? 'One purchase' : `${count(unpriced)} purchases`)
      + ' of the last 15 minutes came without an amount and cannot be in the revenue.' : '');
    if (revenue) {
      const values = amounts(revenue.values);
      const last = values.length - 1;
      revenueChart.set([times(revenue), amounts(revenue.week_before),
        values.map((value, index) => index < last ? value : null),
        values.map((value, index) => index < last ? null : value)]);
      if ($('revenue-details').open) revenueTable();
    }
    if (events) {
      eventsChart.set([times(events), events.values.map(n => n == null ? null : n / events.step_seconds)]);
      if ($('events-details').open) eventsTable();
    }
    fill('funnel', STEPS, ['', 'track', '', 'share'], ([name, key]) => {
      const n = funnel?.[key];
      const share = n == null || !funnel.visits ? null : n / funnel.visits;
      return [name, '', count(n), key === 'visits' ? '' : percent(share)];
    });
    STEPS.forEach(([, key], index) => {
      const cell = $('funnel').children[index].children[1];
      const bar = cell.firstElementChild ?? cell.appendChild(document.createElement('i'));
      const share = funnel?.visits ? funnel[key] / funnel.visits : 0;
      bar.style.setProperty('--share', share.toFixed(4));
    });
    write('bots', funnel == null ? '\u00a0'
      : funnel.bots === 1 ? 'One bot is left out.' : `${count(funnel.bots)} bots are left out.`);
    const products = trends?.products ?? [];
    write('trends-note', trends ? `15 minutes up to ${clock(seconds(trends.until))}, against the 15 before` : '15 minutes against the 15 before');
    fill('trends', products.length ? products : [null], ['', 'number', 'number'], product =>
      product ? [product.name ?? `Product ${product.product_id}`, count(product.events), count(product.before)]
        : [trends ? 'Nothing stands out' : 'Not known yet', '', '']);
    const facts = FATES.map(([name, key]) => [name, count(counts?.[key])]);
    for (const late of counts?.too_late_last_hour ?? []) {
      facts.push([`Too late for ${late.definition}, last hour`, count(late.events)]);
    }
    const lag = live.lag;
    facts.push(['Windows are complete up to', lag?.watermark ? clock(seconds(lag.watermark), true) : NONE]);
    facts.push(['Shards', count(lag?.shards)]);
    const cells = rows($('facts'), facts.length * 2, () =>
      document.createElement($('facts').children.length % 2 ? 'dd' : 'dt'));
    facts.flat().forEach((text, index) => write(cells[index], text));
    const found = findings.length ? findings.map(finding) : ['None in the last day.'];
    const items = rows($('findings'), found.length, () => document.createElement('li'));
    found.forEach((text, index) => write(items[index], text));
  }
  function finding({occurred_at: at, detail}) {
    const {minute, metric, value, usual} = detail ?? {};
    const when = seconds(minute ?? at);
    const isToday = new Date(when * 1000).toDateString() === new Date().toDateString();
    const time = (isToday ? '' : 'Yesterday ') + clock(when);
    if (value == null) return `${time}: unusual`;
    return `${time}: ${count(value)} ${metric}, usually ${count(usual == null ? null : Math.round(usual))}`;
  }
  function revenueTable() {
    const [at, before, now, underWay] = revenueChart.data;
    fill('revenue-rows', at, ['', 'number', 'number'], (_, index) => {
      const back = at.length - 1 - index;
      const text = n => money(n == null ? null : n);
      return [clock(at[back]) + (index ? '' : ', so far'), text(now[back] ?? underWay[back]), text(before[back])];
    });
  }
  function eventsTable() {
    const [at, now] = eventsChart.data;
    fill('events-rows', at, ['', 'number'], (_, index) => {
      const back = at.length - 1 - index;
      return [clock(at[back], true), rate(now[back])];
    });
  }
  $('revenue-details').addEventListener('toggle', () => revenueChart.data && revenueTable());
  $('events-details').addEventListener('toggle', () => eventsChart.data && eventsTable());

  // ---- state: every second, whether or not an answer came ----
  function state() {
    const since = answered ? performance.now() - answered : 0;
    const ago = span(since / 1000) + ' ago';
    if (expired) return ['expired', 'Link expired', `This link has expired. A new one is made by: ${body.dataset.command}`];
    if (paused) return ['paused', answered ? `Paused, figures from ${ago}` : 'Paused', ''];
    if (!answered) return failures ? ['lost', 'No connection', `${why} Trying again.`] : ['connecting', 'Connecting', ''];
    if (failures && since > STALE) {
      return ['lost', `No connection, figures from ${ago}`, `${why} Trying again.`];
    }
    if (since > STALE) return ['stale', `Figures from ${ago}`, ''];
    if (!live?.lag) return ['quiet', 'Waiting for events', 'Nothing has been read from the stream yet.'];
    const silent = lag();
    if (silent > QUIET) return ['quiet', `No events for ${span(silent)}`, `The last event arrived ${span(silent)} ago.`];
    return ['live', `Live, updated ${ago}`, ''];
  }
  // Seconds since the last event arrived; not known while no answers come.
  function lag() {
    if (performance.now() - answered > STALE) return null;
    const arrival = live?.lag?.last_arrival;
    return arrival ? Math.max(0, (Date.now() + offset) / 1000 - seconds(arrival)) : null;
  }
  function tick() {
    const [name, text, notice] = state();
    if (body.dataset.state !== name) body.dataset.state = name;
    write('state-text', text);
    show($('notice'), notice);
    $('pause').hidden = expired;
    const behind = lag();
    write('lag', behind == null ? NONE : span(behind));
    speak(name, text, notice);
  }
  // Says when the state changes, and the figures now and then: no more than that.
  function speak(name, text, notice) {
    const now = performance.now();
    if (name !== spokenState) {
      spokenState = name;
      spokenAt = now;
      write('spoken', name === 'live' ? 'Live' : notice || text);
    } else if (name === 'live' && now - spokenAt >= CALM) {
      spokenAt = now;
      write('spoken', `${count(live.visitors?.now)} visitors, ${rate(live.events?.per_second)} events a second`);
    }
  }

  // ---- questions ----
  function again(after) {
    clearTimeout(timer);
    if (!paused && !expired && !document.hidden) timer = setTimeout(ask, after);
  }
  async function ask() {
    if (asking || paused || expired || document.hidden) return;
    const question = asking = new AbortController();
    const limit = setTimeout(() => question.abort(), PATIENCE);
    let wait = EVERY;
    try {
      const answer = await fetch('api/live', {
        headers: etag ? {'if-none-match': etag} : {}, cache: 'no-store', signal: question.signal,
      });
      if (answer.status === 401) expired = true;
      else if (answer.status === 200) {
        const figures = await answer.json();
        offset = Date.parse(figures.now) - Date.now();
        live = figures;
        try {
          draw();
        } catch (error) {
          // A page that has been open for long may be older than the server.
          throw Object.assign(new Error('This page does not understand the figures; reload it.'), {after: 0, cause: error});
        }
        etag = answer.headers.get('etag');
      } else if (answer.status !== 304) {
        const after = Number(answer.headers.get('retry-after'));
        throw Object.assign(new Error(`The server answered ${answer.status}.`), {after: after * 1000 || 0});
      }
      answered = performance.now();
      failures = 0;
    } catch (error) {
      if (!document.hidden && !paused) {
        failures += 1;
        why = error.after === undefined ? 'The server cannot be reached.' : error.message;
        const step = Math.min(SLOWEST, EVERY * 2 ** Math.min(failures, 6));
        // Spread, so that not all pages come back at the same moment.
        wait = Math.max(error.after ?? 0, step * (0.5 + Math.random() / 2));
      }
    } finally {
      clearTimeout(limit);
      asking = null;
    }
    tick();
    again(wait);
  }

  $('pause').addEventListener('click', () => {
    paused = !paused;
    write('pause', paused ? 'Resume' : 'Pause');
    if (paused) { clearTimeout(timer); asking?.abort(); } else ask();
    tick();
  });
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) { clearTimeout(timer); asking?.abort(); } else { tick(); ask(); }
  });
  setInterval(() => { if (!document.hidden) tick(); }, 1000);
  ask();
})();
