// What the page draws, from what it was told. Text goes into the document as text only.
export const $ = (id) => document.getElementById(id);

export function el(tag, props = {}, ...children) {
  const e = Object.assign(document.createElement(tag), props);
  e.append(...children.map((c) => (c instanceof Node ? c : String(c))));
  return e;
}
const td = (v, cls = "", label = "") => {
  const e = el("td", { className: cls }, v);
  e.dataset.label = label;
  return e;
};
const labelled = (label, ...parts) => { const e = el("td", {}, ...parts.filter(Boolean)); e.dataset.label = label; return e; };
const rows = (id, list) => document.querySelector(`#${id} tbody`).replaceChildren(...list);
const none = (id, columns, text) => rows(id, [el("tr", {}, el("td", { colSpan: columns, className: "soft whole" }, text))]);
const percent = (part, whole) => (whole > 0 ? (part ? (100 * part / whole).toFixed(1) : 0) + "%" : "-");
const count = (n) => n.toLocaleString("en");
const dollars = (micro) => { const v = micro / 1e6; return "$" + (v === 0 ? "0" : v.toFixed(v >= 0.1 ? 2 : v >= 0.01 ? 4 : 6)); };
const cap = (micro) => dollars(micro).replace(/(\.\d\d\d*?)0+$/, "$1"); // as somebody wrote it: $0.05, not $0.0500
const many = (n, what) => count(n) + " " + what + (n === 1 ? "" : "s");
const took = (ms) => (ms < 1 ? (1000 * ms).toFixed(0) + " µs" : ms < 10 ? ms.toFixed(1) + " ms" : ms < 1000 ? ms.toFixed(0) + " ms" : (ms / 1000).toFixed(1) + " s");
const whole = (ms) => (ms < 1 ? "<1 ms" : ms < 10 ? Math.round(ms) + " ms" : took(ms)); // of what is measured in whole milliseconds
export const clock = (at) => new Date(at).toLocaleTimeString([], { hour12: false });
const day = (at) => new Date(at).toLocaleString([], { dateStyle: "medium", timeStyle: "short", hour12: false });
const names = ["Standard_Query", "Complex_Query", "Ambiguous_Query"];
const kind = (policy) => (names.includes(policy) ? policy : "other");
const short = (policy) => (policy ? policy.replace("_Query", "") : "no policy");
const dot = (policy) => el("i", { className: "dot " + kind(policy) });
const badge = (policy) => el("span", { title: policy }, dot(policy), short(policy));
const wide = (e, share) => { e.style.width = 100 * share + "%"; return e; };

export function online(o, admin) {
  const policies = o.policies || [];
  $("decisions").textContent = count(o.decisions);
  $("rate").textContent = rate(o.decisions / o.window_seconds);
  $("cost").textContent = dollars(o.cost_microusd);
  $("each").textContent = o.decisions ? dollars(1000 * o.cost_microusd / o.decisions) + " a thousand" : "";
  const total = (o.latency || []).find((l) => l.what === "total");
  $("slowest").textContent = total ? whole(total.p95_ms) : "-";
  $("middle").textContent = total ? "half within " + whole(total.p50_ms) : "";
  $("failed").textContent = percent(o.errors, o.decisions);
  $("failed").className = o.errors ? "bad" : "";
  $("faults").textContent = [many(o.errors, "error"), many(o.fallbacks, "fallback"), many(o.router_faults, "router fault")].join(", ");
  $("empty").hidden = o.decisions > 0;
  $("flow").hidden = !o.decisions;
  chart(o, policies.map((p) => p.name));
  $("policies").replaceChildren(...policies.map((p) => wide(el("i", { className: kind(p.name), title: `${p.name} ${percent(p.count, o.decisions)}` }), p.count / o.decisions)));
  $("policy-legend").replaceChildren(...policies.map((p) => el("li", {}, dot(p.name), `${p.name || "no policy: the client named the model"} ${percent(p.count, o.decisions)}`)));
  const models = o.models || [];
  if (models.length) rows("models", models.map((m) => el("tr", {}, td(m.name || "none"), td(percent(m.count, o.decisions)), td(count(m.count)), td(dollars(m.cost_microusd || 0)))));
  else none("models", 4, "no model was asked in this time");
  const parts = { router: "router", model: "model", total: "whole request" };
  if (o.latency) rows("latency", o.latency.map((l) => {
    const of = l.what === "router" ? took : whole;
    return el("tr", {}, td(parts[l.what] || l.what), td(of(l.p50_ms)), td(of(l.p95_ms)), td(of(l.p99_ms)));
  }));
  else none("latency", 4, "nothing was measured in this time");
  recent(o.recent || [], admin);
}

const rate = (r) => (r >= 1 ? count(Math.round(r)) + " a second" : r * 60 >= 1 ? count(Math.round(r * 60)) + " a minute" : r ? (r * 3600).toFixed(0) + " an hour" : "");

// ceiling is the round number at or above n that a scale ends with; an even one, so that its half is whole.
function ceiling(n) {
  const ten = 10 ** Math.floor(Math.log10(n));
  return Math.max(2, ...[1, 2, 4, 6, 8, 10].map((f) => f * ten).filter((v) => v >= n).slice(0, 1));
}

// chart draws one stack a slot, the last one now.
function chart(o, order) {
  const pieces = Math.round(o.window_seconds / o.slot_seconds);
  const end = new Date(o.at).getTime(), step = 1000 * o.slot_seconds;
  const slots = (o.slots || []).map((s) => ({ at: new Date(s.at).getTime(), counts: s.policies, sum: Object.values(s.policies).reduce((a, b) => a + b, 0) }));
  const most = ceiling(Math.max(1, ...slots.map((s) => s.sum))), width = 600 / pieces;
  const svg = (tag, attributes, ...children) => {
    const e = document.createElementNS($("chart").namespaceURI, tag);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    e.append(...children);
    return e;
  };
  const line = (y) => svg("line", { x1: 0, x2: 600, y1: y, y2: y, "vector-effect": "non-scaling-stroke" });
  $("chart").replaceChildren(line(0.5), line(60), ...slots.flatMap((s) => {
    const x = 600 - width * (Math.floor((end - s.at) / step) + 1);
    let y = 120;
    return order.filter((p) => s.counts[p]).map((p) => {
      const h = 120 * s.counts[p] / most;
      y -= h;
      return svg("rect", { class: kind(p), x: x + width * 0.1, y, width: width * 0.8, height: h }, svg("title", {}, `${clock(s.at)}: ${s.counts[p]} ${short(p)}`));
    });
  }));
  $("from").textContent = (o.window_seconds >= 86400 ? day : clock)(end - 1000 * o.window_seconds);
  $("most").textContent = `${many(most, "decision")} in ${o.slot_seconds >= 60 ? o.slot_seconds / 60 + " min" : o.slot_seconds + " s"}`;
  $("half").textContent = count(most / 2);
}

function recent(list, admin) {
  if (!list.length) return none("recent", 8, "no decision yet");
  rows("recent", list.map((d) => {
    const query = td(d.text || "", "text admin");
    query.hidden = !admin;
    query.title = d.text || "";
    const bad = d.outcome !== "ok" && d.outcome !== "canceled";
    return el("tr", { className: bad ? "bad" : "", title: "decision " + d.id }, td(clock(d.at)), query, td(d.policy ? badge(d.policy) : "-"), td(d.model || "-"), td(d.rule, "", "rule"),
      td(d.outcome, "outcome"), td(whole(d.latency_ms)), td(dollars(d.cost_microusd)));
  }));
}

export function budgets(list, admin) {
  const empty = admin ? "No budget is configured: see budgets in sluice.yaml." : "No budget of everybody's is configured; those of tenants and keys are shown after a login.";
  document.querySelector("#budgets .bars").replaceChildren(...(list.length ? list.flatMap(budget) : [el("p", { className: "soft" }, empty)]));
}

function budget(b) {
  const share = b.spent_microusd / b.limit_microusd;
  const bar = el("div", { className: "bar" + (share >= 1 ? " over" : share >= 0.8 ? " warm" : "") }, wide(el("i"), Math.min(share, 1)),
    wide(el("i", { className: "reserved" }), Math.min(b.reserved_microusd / b.limit_microusd, 1 - Math.min(share, 1))));
  const end = { refuse: "refuses", downgrade: "asks the medium model", warn: "only warns" }[b.action] || b.action;
  const title = `from its cap on it ${end}; it begins anew ${day(b.resets_at)}`;
  return [el("p", { title }, el("span", {}, b.name, el("span", { className: "soft" }, `${b.whose && b.whose !== b.name ? ", " + b.whose : ""}, ${b.period === "hour" ? "an" : "a"} ${b.period}`)),
    el("span", {}, `${dollars(b.spent_microusd)} of ${cap(b.limit_microusd)}`, el("span", { className: "soft" }, b.reserved_microusd ? `, ${dollars(b.reserved_microusd)} held` : ""))), bar];
}

export function quality(q) {
  $("days").textContent = `of the last ${q.days === 1 ? "day" : q.days + " days"}`;
  const list = q.accuracy || [];
  if (!list.length) return none("accuracy", 4, "no feedback, and no sample was judged");
  rows("accuracy", list.map((a) => el("tr", {}, td(a.policy === "all" ? "all" : badge(a.policy)), td(a.source === "judge" ? "the judge" : a.source + "s"), td(count(a.graded)), td((100 * a.right).toFixed(1) + "%"))));
}

export function pipeline(stages) {
  document.querySelector("#pipeline ol").replaceChildren(...stages.map((s) => {
    const pace = s.per_second ? `${s.per_second.toFixed(s.per_second < 10 ? 1 : 0)} a second` : "idle";
    const state = s.alive ? (s.in_flight ? `${count(s.in_flight)} in hand, ` : "") + pace : s.ran ? "no copy runs" : "never ran";
    return el("li", { className: s.ran ? "" : "off", title: s.ran ? `${count(s.redelivered)} handed out again` : "" },
      el("span", {}, el("i", { className: "dot round" + (s.alive ? " alive" : "") }), s.name),
      el("b", {}, count(s.lag)), el("small", {}, state),
      el("small", { className: "bad" }, s.dead ? `${count(s.dead)} dead` : ""));
  }));
}

const grades = ["correct", "incorrect", "idk"];

export function matrix(cells) {
  const most = Math.max(1, ...cells.map((c) => c.queries));
  const all = cells.reduce((n, c) => n + c.queries, 0);
  const head = el("tr", {}, el("th", {}, "medium ╲ large"), ...grades.map((g) => el("th", {}, el("b", {}, g))));
  rows("matrix", [head, ...grades.map((medium) => el("tr", {}, el("th", {}, el("b", {}, medium)), ...grades.map((large) => {
    const c = cells.find((x) => x.medium === medium && x.large === large) || { queries: 0, policy: "" };
    const cell = el("td", { title: `${c.policy}, ${percent(c.queries, all)}. ${c.why || ""}` }, el("b", {}, count(c.queries)), el("span", {}, short(c.policy)));
    const hue = { Standard_Query: "--standard", Complex_Query: "--complex", Ambiguous_Query: "--ambiguous" }[c.policy] || "--other";
    cell.style.backgroundColor = `color-mix(in srgb, var(${hue}) ${Math.round(c.queries ? 14 + 30 * Math.sqrt(c.queries / most) : 6)}%, transparent)`;
    return cell;
  })))]);
}

export function routers(list, admin, promote) {
  $("rollback").hidden = !admin || !list.some((r) => r.before);
  rows("routers", list.map((r) => {
    const last = el("td");
    if (admin && !r.active && r.version !== "static") {
      const b = el("button", { type: "button" }, "promote");
      b.onclick = () => promote(b, r);
      last.append(b);
    }
    const state = [r.active ? "active" : r.status === "promoted" ? "" : r.status, ...(r.uses || []), r.before ? "a rollback brings it back" : ""].filter(Boolean).join(", ");
    const found = r.apgr === null ? "" : r.apgr.toFixed(3) + (r.apgr_lo === null ? "" : ` [${r.apgr_lo.toFixed(3)}, ${r.apgr_hi.toFixed(3)}]`);
    return el("tr", { className: r.active ? "active" : "", title: r.reason || "" }, td(r.version === "static" ? "the static map" : r.version), td(r.kind),
      el("td", {}, state, el("small", {}, r.reason || "")), labelled("APGR", found, r.test_rows ? el("small", {}, many(r.test_rows, "question")) : ""), td(r.made_at ? day(r.made_at) : "", "", "trained"), last);
  }));
}

export function dead(letters, replay) {
  const { list, total } = letters;
  $("dead-total").textContent = total > list.length ? `the newest ${list.length} of ${count(total)}` : "";
  if (!list.length) return none("dead", 5, "none: everything that came in could be handled");
  rows("dead", list.map((l) => {
    const b = el("button", { type: "button" }, "replay");
    b.onclick = () => replay(b, l);
    return el("tr", {}, td(day(l.died_at)), td(l.stage), td(l.reason), td(l.error, "text"), el("td", {}, l.undecodable ? "" : b));
  }));
}

export function decision(d) {
  const guessed = d.router_version === "static"; // the map's even odds say nothing
  const odds = guessed ? [] : Object.entries(d.probabilities || {}).sort((a, b) => b[1] - a[1]);
  const facts = [["rule", d.rule + (d.rule_reason ? ": " + d.rule_reason : "")], ["reasoning", `${d.reasoning || "none"} (${d.reasoning_source || "none"})`],
    ["router", `${d.router_version}${d.router_fault ? "; the static map stood in: " + d.router_fault : ""}; ${took(d.router_us / 1000)}`], ["rules", d.rules_version]];
  if (d.error) facts.unshift(["refused", d.error]);
  $("decision").replaceChildren(el("h3", {}, badge(d.policy), " → ", d.model || "nobody"),
    el("div", { className: "odds" }, ...odds.flatMap(([p, v]) => [el("span", {}, short(p)), el("div", { className: "bar" }, wide(el("i", { className: kind(p) }), v)), el("span", {}, (100 * v).toFixed(1) + "%")])),
    el("dl", {}, ...facts.flatMap(([k, v]) => [el("dt", {}, k), el("dd", {}, v)])));
}
