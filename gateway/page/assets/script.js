// The page: asks its own server every second or few, and draws. Text goes into the document as text only.
const $ = (id) => document.getElementById(id);
let admin = false;

function el(tag, props = {}, ...children) {
  const e = Object.assign(document.createElement(tag), props);
  e.append(...children.map((c) => (c instanceof Node ? c : String(c))));
  return e;
}
const td = (v, cls = "") => el("td", { className: cls }, v);
const rows = (id, list) => document.querySelector(`#${id} tbody`).replaceChildren(...list);
const note = (id, columns, text) => rows(id, [el("tr", {}, el("td", { colSpan: columns, className: "soft" }, text))]);
const percent = (part, whole) => (whole > 0 ? (100 * part / whole).toFixed(1) + "%" : "-");
const dollars = (micro) => "$" + (micro / 1e6).toFixed(Math.abs(micro) < 1e6 ? 6 : 2);
const ms = (v) => (v >= 100 ? v.toFixed(0) : v >= 1 ? v.toFixed(1) : v.toFixed(3));
const clock = (at) => new Date(at).toLocaleTimeString();
const day = (at) => new Date(at).toLocaleString();
const kind = (policy) => (["Standard_Query", "Complex_Query", "Ambiguous_Query"].includes(policy) ? policy : "other");

function say(message) { $("notice").hidden = !message; $("notice").textContent = message || ""; }

async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json", "X-Sluice-Page": "1" }, body: JSON.stringify(body) };
  const r = await fetch("/page/" + path, options);
  const v = await r.json().catch(() => ({ error: "no JSON: " + r.status }));
  if (r.status === 401 && admin) { admin = false; dress(); }
  if (!r.ok) throw Object.assign(new Error(v.error || r.statusText), { status: r.status });
  return v;
}

// act does what a button says, and reports.
async function act(button, path, body, then) {
  button.disabled = true;
  try { const v = await ask(path, body); say(""); await then(v); } catch (e) { say(e.message); } finally { button.disabled = false; }
}

function dress(login = true) {
  $("login").hidden = admin || !login;
  $("logout").hidden = !admin;
  document.querySelectorAll(".admin").forEach((e) => { e.hidden = !admin; });
}

function drawOnline(o) {
  $("decisions").textContent = o.decisions.toLocaleString();
  $("rate").textContent = `${(o.decisions / o.window_seconds).toFixed(2)} a second`;
  const policies = o.policies || [];
  $("policies").replaceChildren(...policies.map((p) => {
    const i = el("i", { className: kind(p.name), title: `${p.name} ${percent(p.count, o.decisions)}` });
    i.style.width = percent(p.count, o.decisions);
    return i;
  }));
  $("policy-legend").replaceChildren(...policies.map((p) => el("li", {}, el("i", { className: kind(p.name) }), `${p.name || "no policy"} ${percent(p.count, o.decisions)}`)));
  $("faults").textContent = `${o.errors} errors, ${o.fallbacks} fallbacks, ${o.router_faults} router faults`;
  rows("models", (o.models || []).map((m) => el("tr", {}, td(m.name || "none"), td(percent(m.count, o.decisions)), td(m.count.toLocaleString()), td(dollars(m.cost_microusd || 0)))));
  $("cost").textContent = dollars(o.cost_microusd);
  const budgets = o.budgets || [];
  document.querySelector("#budgets .bars").replaceChildren(...(budgets.length ? budgets.flatMap(budget) : [el("p", { className: "soft" }, "no budget is configured")]));
  rows("latency", (o.latency || []).map((l) => el("tr", {}, td(l.what), td(ms(l.p50_ms)), td(ms(l.p95_ms)), td(ms(l.p99_ms)))));
  const graded = o.accuracy || [];
  if (graded.length) rows("accuracy", graded.map((a) => el("tr", {}, td(a.policy), td(a.graded), td((100 * a.right).toFixed(1) + "%"))));
  else note("accuracy", 3, "no feedback and no judged sample in the window");
  const recent = o.recent || [];
  if (!recent.length) return note("recent", 8, "no decision yet");
  rows("recent", recent.map((d) => {
    const query = td(d.text || "", "text admin");
    query.hidden = !admin;
    return el("tr", { className: d.outcome === "ok" ? "" : "bad", title: d.id }, td(clock(d.at)), query, td(d.policy || "-"), td(d.model || "-"), td(d.rule), td(d.outcome), td(d.latency_ms), td(dollars(d.cost_microusd)));
  }));
}

function budget(b) {
  const bar = el("div", { className: b.spent_microusd >= b.limit_microusd ? "bar over" : "bar" });
  for (const [cls, v] of [["", b.spent_microusd], ["reserved", b.reserved_microusd]]) {
    const i = el("i", { className: cls });
    i.style.width = percent(Math.min(v, b.limit_microusd), b.limit_microusd);
    bar.append(i);
  }
  return [el("div", {}, `${b.name}, a ${b.period}: ${dollars(b.spent_microusd)} of ${dollars(b.limit_microusd)}`, el("span", { className: "soft" }, b.reserved_microusd ? `, ${dollars(b.reserved_microusd)} reserved` : "")), bar];
}

function drawPipeline(stages) {
  rows("pipeline", stages.map((s) => el("tr", { className: s.dead ? "bad" : "" }, td(s.name), td(s.lag.toLocaleString()), td(s.in_flight), td(s.redelivered), td(s.per_second.toFixed(1)), td(s.dead))));
}

const grades = ["correct", "incorrect", "idk"];

function drawMatrix(cells) {
  const most = Math.max(1, ...cells.map((c) => c.queries));
  rows("matrix", [el("tr", {}, el("th"), ...grades.map((g) => el("th", {}, g))), ...grades.map((medium) => el("tr", {}, el("th", {}, medium), ...grades.map((large) => {
    const c = cells.find((x) => x.medium === medium && x.large === large) || { queries: 0, policy: "" };
    const cell = el("td", { title: c.policy }, el("b", {}, c.queries.toLocaleString()), el("span", { className: "soft" }, c.policy.replace("_Query", "")));
    const hue = { Standard_Query: "--standard", Complex_Query: "--complex", Ambiguous_Query: "--ambiguous" }[c.policy] || "--other";
    cell.style.backgroundColor = `color-mix(in srgb, var(${hue}) ${Math.round(8 + 47 * Math.sqrt(c.queries / most))}%, transparent)`;
    return cell;
  })))]);
}

function drawRouters(list) {
  if (!list.length) return note("routers", 6, "no router is registered: the static map decides");
  rows("routers", list.map((r) => {
    const last = el("td");
    if (admin && !r.active) {
      const b = el("button", { type: "button" }, "promote");
      b.onclick = () => act(b, "promote", { version: r.version }, () => every.routers());
      last.append(b);
    }
    const found = r.apgr === null ? "-" : r.apgr.toFixed(3) + (r.apgr_lo === null ? "" : ` [${r.apgr_lo.toFixed(3)}, ${r.apgr_hi.toFixed(3)}]`);
    return el("tr", { className: r.active ? "active" : "", title: r.reason || "" }, td(r.version), td(r.kind), td(r.active ? "active" : r.status), td(found), td(day(r.made_at)), last);
  }));
}

function drawDead(list) {
  if (!list.length) return note("dead", 5, "none");
  rows("dead", list.map((l) => {
    const b = el("button", { type: "button" }, "replay");
    b.onclick = () => act(b, "replay", { id: l.id }, () => every.dead());
    return el("tr", {}, td(day(l.died_at)), td(l.stage), td(l.reason), td(l.error, "text"), el("td", {}, b));
  }));
}

function drawDecision(d) {
  const odds = Object.entries(d.probabilities || {}).sort((a, b) => b[1] - a[1]).map(([p, v]) => `${p} ${(100 * v).toFixed(1)}%`).join(", ");
  const facts = [["policy", d.policy], ["model", d.model], ["rule", d.rule + (d.rule_reason ? ": " + d.rule_reason : "")], ["reasoning", `${d.reasoning || "none"} (${d.reasoning_source || "none"})`],
    ["probabilities", odds || "none"], ["router", `${d.router_version}${d.router_fault ? ", fell back: " + d.router_fault : ""}, ${d.router_us} us`], ["rules", d.rules_version]];
  $("decision").replaceChildren(el("dl", {}, ...facts.flatMap(([k, v]) => [el("dt", {}, k), el("dd", {}, v)])));
}

// fresh draws what differs from what is drawn: a button must not be replaced under a finger.
const drawn = {};
function fresh(name, value, draw) {
  const now = JSON.stringify([value, admin]);
  if (drawn[name] === now) return;
  drawn[name] = now;
  draw(value);
}

// every is what is asked again and again.
const every = {
  online: async () => drawOnline(await ask("online?window=" + $("window").value)),
  pipeline: async () => drawPipeline(await ask("pipeline")),
  matrix: async () => fresh("matrix", await ask("matrix"), drawMatrix),
  routers: async () => fresh("routers", (await ask("routers")) || [], drawRouters),
  dead: async () => fresh("dead", admin ? (await ask("dead")) || [] : null, (list) => (list ? drawDead(list) : note("dead", 5, "log in to see them"))),
};
const columns = { pipeline: 6, matrix: 4, routers: 6, dead: 5, recent: 8 };

function repeat(name, seconds) {
  const once = async () => {
    try {
      await every[name]();
      if (name === "online") { $("pulse").className = "live"; $("pulse").textContent = "live, " + new Date().toLocaleTimeString(); }
    } catch (e) {
      delete drawn[name];
      if (e.status === 404 || e.status === 502) note(name === "online" ? "recent" : name, columns[name] || 8, e.message);
      if (name === "online") { $("pulse").className = e.status ? "live" : "lost"; $("pulse").textContent = e.status ? e.message : "the server is away; trying again"; }
    }
    setTimeout(once, document.hidden ? 10000 : 1000 * seconds);
  };
  once();
}

$("login").onsubmit = (e) => { e.preventDefault(); act(e.submitter, "login", { key: $("key").value }, () => { $("key").value = ""; admin = true; dress(); every.dead(); every.routers(); every.online(); }); };
$("logout").onclick = (e) => act(e.target, "logout", {}, () => { admin = false; dress(); every.dead(); every.routers(); });
$("rollback").onclick = (e) => act(e.target, "rollback", {}, () => every.routers());
$("window").onchange = () => every.online().catch((e) => say(e.message));
document.querySelector("#try form").onsubmit = (e) => { e.preventDefault(); act(e.submitter, "try", { text: document.querySelector("#try textarea").value }, drawDecision); };

const session = await ask("session");
admin = session.admin;
dress(session.login);
repeat("online", 1); repeat("pipeline", 2); repeat("matrix", 5); repeat("routers", 5); repeat("dead", 5);
