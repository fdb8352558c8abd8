// The page: asks its own server every second or few, and has drawn what it hears.
import * as draw from "./draw.js";
const { $, el } = draw;
let may = { admin: false, login: false, locked: false, try: false };

// say tells how something went: a success for some seconds, a failure until it is clicked away or something else is done.
let quiet = 0;
function say(message, good = false) {
  clearTimeout(quiet);
  $("notice").hidden = !message;
  $("notice").textContent = message || "";
  $("notice").className = good ? "good" : "";
  if (message && good) quiet = setTimeout(say, 8000);
}
$("notice").onclick = () => say("");

async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json", "X-Sluice-Page": "1" }, body: JSON.stringify(body) };
  const r = await fetch("/page/" + path, options);
  const v = await r.json().catch(() => ({ error: "no JSON: " + r.status }));
  if (r.status === 401 && may.admin) await enter(); // the session has ended
  if (!r.ok) throw Object.assign(new Error(v.error || r.statusText), { status: r.status });
  return v;
}

// act does what a button says, and reports.
async function act(button, path, body, then) {
  button.disabled = true;
  try { const v = await ask(path, body); say(""); await then(v); } catch (e) { say(e.message); } finally { button.disabled = false; }
}

// sure asks a person; it is for what changes how requests are answered.
function sure(title, text, button) {
  const d = $("sure");
  d.querySelector("h2").textContent = title;
  d.querySelector("p").textContent = text;
  d.querySelector(".do").textContent = button;
  d.returnValue = "";
  d.showModal();
  return new Promise((done) => { d.onclose = () => done(d.returnValue === "yes"); });
}

// enter learns what this browser may do, and dresses the page for it.
async function enter() {
  may = await fetch("/page/session").then((r) => r.json());
  $("login").hidden = may.admin || !may.login;
  $("logout").hidden = !may.admin;
  $("locked").hidden = !may.locked;
  document.querySelector("main").hidden = may.locked;
  document.querySelectorAll(".admin").forEach((e) => { e.hidden = !may.admin; });
  document.querySelector("#try form").hidden = $("examples").hidden = !may.try;
  $("no-try").hidden = may.try;
}

let routers = []; // as shown
const active = () => (routers.find((r) => r.active) || {}).version;
const over = () => (active() === "static" ? "" : active());
const call = (version) => (version === "static" ? "the static map" : version);

async function promote(button, r) {
  const refused = r.status === "refused";
  const gate = refused ? `The gate refused it: ${r.reason}\n\n` : "";
  if (!await sure(`Promote ${r.version}?`, `${gate}It decides in every gateway from then on, in place of ${call(active())}.`, refused ? "promote anyway" : "promote")) return;
  await act(button, "promote", { version: r.version, over: over(), anyway: refused }, async () => { say(`${r.version} is active.`, true); await look("routers"); });
}

async function rollback(button) {
  const back = routers.find((r) => r.before);
  if (!back) return say("Nothing was active before: there is nothing to roll back to.");
  if (!await sure("Roll back?", `${call(back.version)} decides again in every gateway, in place of ${call(active())}.`, "roll back")) return;
  await act(button, "rollback", { over: over() }, async () => { say(`${call(back.version)} decides again.`, true); await look("routers"); });
}

const replay = (button, l) => act(button, "replay", { id: l.id }, async () => { say(`The letter was handed to ${l.stage} once more; if it dies again it comes back.`, true); await look("dead"); });

// fresh draws what differs from what is drawn: a button must not be replaced under a finger.
const drawn = {};
function fresh(name, value, show) {
  const now = JSON.stringify([value, may.admin]);
  if (drawn[name] === now) return;
  show(value, may.admin);
  drawn[name] = now;
}

// sources are what is asked again and again: every how many seconds, where, and what is done with the answer.
const sources = {
  online: [1, () => "online?window=" + $("window").value, (v) => fresh("online", v, draw.online)],
  budgets: [2, () => "budgets", (v) => fresh("budgets", v || [], draw.budgets)],
  quality: [10, () => "quality", (v) => fresh("quality", v, draw.quality)],
  pipeline: [2, () => "pipeline", (v) => fresh("pipeline", v || [], draw.pipeline)],
  matrix: [5, () => "matrix", (v) => fresh("matrix", v || [], draw.matrix)],
  routers: [5, () => "routers", (v) => fresh("routers", (routers = v || []), () => draw.routers(routers, may.admin, promote))],
  tables: [60, () => "tables", (v) => { $("warning").hidden = !v.warning; $("warning").textContent = v.warning; }],
  dead: [5, () => (may.admin ? "dead" : null), (v) => fresh("dead", v, () => draw.dead(v, replay))],
};

// note says in every section of a source why it shows nothing, or nothing new; without a text all is well.
function note(source, text) {
  document.querySelectorAll(`section[data-source=${source}]`).forEach((s) => {
    s.querySelector(".note")?.remove();
    const old = source in drawn;
    s.classList.toggle("away", !!text && !old);
    s.classList.toggle("stale", !!text && old);
    if (!text) return;
    const p = el("p", { className: "note" });
    p.dataset.text = text;
    const h = s.querySelector("h2");
    if (h) h.after(p);
    else s.prepend(p);
  });
  const told = new Set(); // what several sections have in common is told once
  document.querySelectorAll(".note").forEach((p) => {
    const again = told.has(p.dataset.text) && p.dataset.text.length > 40;
    p.textContent = again ? "Not here: see above." : p.dataset.text;
    told.add(p.dataset.text);
  });
}

// look asks one source once.
async function look(name) {
  const [, where, show] = sources[name];
  if (may.locked) return;
  const path = where();
  if (path === null) { delete drawn[name]; return note(name, "Log in to see them."); }
  try {
    const v = await ask(path);
    show(v);
    note(name, "");
    if (name === "online") pulse("live", "live", draw.clock(Date.now()));
  } catch (e) {
    if (!e.status) return pulse("lost", "the gateway is away; trying again"); // what is shown is the last that was heard
    if (e.status === 404 || e.status === 401) delete drawn[name];
    note(name, e.message);
    if (name === "online") pulse("live", "connected");
  }
}

// pulse says how it stands; a screen reader hears of the change alone, not of the time that passes.
function pulse(cls, text, at = "") {
  const [state, time] = $("pulse").children;
  $("pulse").className = cls;
  if (state.textContent !== text) state.textContent = text;
  time.textContent = at;
  document.body.classList.toggle("lost", cls === "lost");
}

async function repeat(name) {
  for (;;) {
    await look(name);
    await new Promise((then) => setTimeout(then, document.hidden ? 10000 : 1000 * sources[name][0]));
  }
}
const lookAll = () => Promise.all(Object.keys(sources).map(look));

$("login").onsubmit = (e) => { e.preventDefault(); act(e.submitter, "login", { key: $("key").value }, async () => { $("key").value = ""; await enter(); await lookAll(); }); };
$("logout").onclick = (e) => act(e.target, "logout", {}, async () => { await enter(); await lookAll(); });
$("rollback").onclick = (e) => rollback(e.target);
$("window").onchange = () => look("online");
const question = document.querySelector("#try textarea");
document.querySelector("#try form").onsubmit = (e) => { e.preventDefault(); act(e.submitter || e.target.querySelector("button"), "try", { text: question.value }, draw.decision); };
question.onkeydown = (e) => { if (e.key === "Enter" && !e.shiftKey) { e.preventDefault(); e.target.form.requestSubmit(); } };
$("examples").onclick = (e) => { if (e.target.tagName === "BUTTON") { question.value = e.target.textContent; question.form.requestSubmit(); } };
$("curl").textContent = `curl ${location.origin}/v1/chat/completions -H 'Content-Type: application/json' \\\n  -d '{"model":"auto","messages":[{"role":"user","content":"Which river flows through Baghdad?"}]}'`;

for (;;) { // until the gateway is there
  try { await enter(); break; } catch { pulse("lost", "the gateway is away; trying again"); await new Promise((then) => setTimeout(then, 1000)); }
}
Object.keys(sources).forEach(repeat);
