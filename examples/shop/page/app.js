// The demo shop's page: it sends what the buttons ask for and draws the answers. No library, no build step.
"use strict";

const $ = (id) => document.getElementById(id);
const KEEP = 40; // changes in the chart

let config = { mode: "hybrid", store: "", max: 4096, inline: 3072, low_water: 2304, cookie_name: "" };
let session = null; // the last good answer
let voyages = load();

const REFUSED = {
  malformed: "The cookie was not a token at all.",
  unknown_key: "It was sealed with a key this server does not know.",
  forged: "It did not authenticate: altered, or not ours.",
  not_yet_valid: "It was issued in the future: a clock is wrong.",
  expired: "Its lifetime was over.",
  idle: "It was unused for too long.",
  revoked_key: "Its key has been revoked.",
  payload: "It is authentic, but its contents did not decode.",
  record_missing: "It points to a record the store no longer has.",
  ended: "That session was logged out.",
};

// ---- requests: one at a time, in the order of the clicks ----

let queue = Promise.resolve();
let waiting = 0;

function enqueue(job) {
  waiting++;
  document.body.dataset.busy = "true";
  queue = queue.then(job).catch((err) => {
    console.error(err);
    say("warn", "The server did not answer.", "Whether anything changed is not known. Try again in a moment.");
  }).finally(() => {
    if (--waiting === 0) document.body.dataset.busy = "false";
  });
  return queue;
}

async function call(method, path) {
  const start = performance.now();
  const response = await fetch(path, { method, credentials: "same-origin", cache: "no-store" });
  const body = await response.json();
  return { status: response.status, body, ms: performance.now() - start };
}

// change sends one request that alters the session and shows what came of it.
function change(what, method, path) {
  return enqueue(async () => {
    const { status, body, ms } = await call(method, path);
    if (status === 200) {
      if (!body.key && body.placement.where !== "none") { // the key is that of the cookie presented: ask again with the new one
        const { key, refused } = (await call("GET", "/api/session")).body;
        Object.assign(body, { key, refused });
      }
      const before = session?.placement.where;
      show(body);
      cost(what, body.placement.reason, ms);
      record(what, body.placement);
      tell(what, before, body.placement.where);
    } else {
      cost(`${what}: not done`, (body.error || "").replaceAll("_", " "), ms);
      await explain(status, body, what);
    }
  });
}

// refresh reads the state; another tab may have changed it. It is not a change, so "the last change" stays.
async function refresh(quiet) {
  const { status, body, ms } = await call("GET", "/api/session");
  if (status !== 200) return explain(status, body, "Read");
  const mark = (s) => s.placement.where === "none" ? "none" : [s.id, s.items, s.user, s.placement.where, s.placement.payload_bytes].join();
  const moved = session && mark(session) !== mark(body);
  const first = !session;
  show(body);
  if (first) cost("None yet; this is what the browser brought.", "", ms);
  if (moved) record("Another tab", body.placement);
  if (quiet && !moved && !first) return;
  if (body.refused) say("warn", "The cookie was refused, so this is a fresh session.", REFUSED[body.refused] || body.refused);
  else if (moved && quiet) say("info", "Another tab changed it.", "This is the session as it is now.");
  else if (first) say("info", "Welcome aboard.", body.placement.where === "none" ? "Add something and watch the gauge." : "Your session was still here.");
}

async function explain(status, body, what) {
  if (status === 413) {
    const [kind, bytes] = body.record_bytes ? ["record", body.record_bytes] : ["cookie", body.cookie_bytes];
    record(`${what}: did not fit`, { where: "over", cookie_bytes: bytes });
    ghost(bytes);
    say("warn", "That would not fit, so nothing was changed.",
      `The ${kind} would have been ${bytes} bytes, ${body.over} over the limit of ${body.limit}. Your session is intact. What takes the room:`, body.largest);
  } else if (status === 409) {
    await refresh(false);
    say("info", "Another tab changed it first.", "Your change was not made; this is the session as it is now. Try again.");
  } else if (status === 503 && what === "Logged out") {
    await refresh(false);
    say("warn", "Logged out here, but the store is out of reach.", "The cookie is gone from this browser; the record could not be ended and waits for its expiry.");
  } else if (status === 503) {
    say("warn", "The store is out of reach.", "Nothing was changed and nobody is logged out: your cookie is kept for when it is back.");
  } else {
    say("warn", "The server answered with an error.", `${status} ${body.error || ""}`);
  }
}

// ---- what it means, in words ----

function tell(what, before, now) {
  if (before === "cookie" && now === "store") say("store", "Outgrew its cookie: moved to the store.", "Nothing was lost; the browser now holds a small reference.");
  else if (before === "store" && now === "cookie") say("cookie", "Small enough again: back in the cookie.", "Requests need no store any more.");
  else if (now === "none") say("info", `${what}.`, "There is no session now.");
  else say("info", `${what}.`, now === "cookie" ? "All of it is in the cookie." : "The record in the store was replaced; the cookie stayed small.");
}

function say(kind, title, text, fields = []) {
  const heading = document.createElement("p");
  const strong = document.createElement("b");
  strong.textContent = title;
  heading.append(strong, " ", text || "");
  const box = $("message");
  const former = box.querySelector("b");
  if (former) {
    const line = document.createElement("li");
    line.textContent = former.textContent;
    $("earlier").prepend(line);
    while ($("earlier").children.length > 4) $("earlier").lastChild.remove();
  }
  box.parentNode.dataset.kind = kind;
  box.replaceChildren(heading);
  if (!fields?.length) return;
  const list = document.createElement("ul");
  for (const { field, bytes } of fields.slice(0, 3)) {
    const item = document.createElement("li");
    const name = document.createElement("span");
    const bar = document.createElement("i");
    const size = document.createElement("b");
    name.textContent = field;
    bar.style.setProperty("--part", bytes / fields[0].bytes);
    size.textContent = `${bytes} B`;
    item.append(name, bar, size);
    list.append(item);
  }
  box.append(list);
}

function cost(what, reason, ms) {
  $("what").textContent = reason ? `${what} \u2014 ${reason}` : what;
  $("rtt").textContent = ms < 10 ? ms.toFixed(1) : Math.round(ms);
}

// ---- drawing ----

// asCookie estimates the cookie a payload would need: envelope, base64url and the name.
const asCookie = (payload) => Math.round((payload + 75) * 4 / 3) + 15;
const sizeOf = (p) => p.where === "store" ? asCookie(p.payload_bytes) : p.where === "none" ? 0 : p.cookie_bytes;

// scale gives 0..1: straight up to the browser's limit at 0.8, compressed beyond it, so that the lines stay put.
const scale = (bytes) => bytes <= config.max ? 0.8 * bytes / config.max : 0.8 + 0.19 * (1 - Math.exp((config.max - bytes) / 3000));
const percent = (bytes) => `${(100 * scale(bytes)).toFixed(2)}%`;

const PLACES = { cookie: "In the cookie.", store: "In the store.", none: "Nowhere yet." };
const WHYS = {
  cookie: "All of it travels, sealed, with your browser. The server keeps nothing.",
  store: "It outgrew its cookie. The server keeps the sealed record; your browser holds a reference to it.",
  none: "Nothing has been saved. Add something to the cart and it sets sail.",
};

function show(s) {
  const p = s.placement;
  const place = $("where");
  const from = place.dataset.where;
  if (document.body.dataset.ready && from !== p.where && from !== "none" && p.where !== "none") {
    place.classList.remove("crossing");
    place.getBoundingClientRect(); // restarts the animation
    place.classList.add("crossing");
  }
  session = s;
  place.dataset.where = p.where;
  document.body.dataset.where = p.where;
  document.body.dataset.user = s.user || "";

  const stored = p.where === "store";
  $("place").textContent = PLACES[p.where];
  $("why").textContent = WHYS[p.where];
  $("shore-browser").textContent = stored ? `holds a reference of ${p.cookie_bytes} bytes` : p.where === "cookie" ? `holds all of it, ${p.cookie_bytes} bytes` : "holds no session";
  $("shore-store").textContent = stored ? `holds a record, payload ${p.payload_bytes} bytes` : config.mode === "stateless" ? "" : "not needed";

  $("cookie-bytes").textContent = p.cookie_bytes;
  $("payload-bytes").textContent = p.payload_bytes;
  $("items").textContent = s.items;
  $("items-word").textContent = s.items === 1 ? "item" : "items";
  $("user").textContent = s.user;
  $("key").textContent = s.key;
  $("session-id").textContent = p.where === "none" ? "" : s.id;
  $("session-id").title = s.id;
  $("refused").textContent = s.refused ? REFUSED[s.refused] || s.refused : "";
  $("refused").dataset.refused = s.refused || "";
  clock();
  hold(s.items);
  gauge(p);
}

function gauge(p) {
  const bytes = sizeOf(p);
  const stored = p.where === "store";
  $("ghost").style.width = "0";
  $("fill").style.width = percent(bytes);
  $("ref").style.width = stored ? percent(p.cookie_bytes) : "0";
  $("dock-fill").style.width = percent(bytes);
  const room = (config.mode === "stateless" ? config.max : config.inline) - bytes;
  let text = "No session, no bytes.";
  if (stored) text = `Would be about ${bytes} bytes in a cookie; its reference takes ${p.cookie_bytes}.`;
  else if (p.where === "cookie" && room < 0) text = `${bytes} bytes on every request.`;
  else if (p.where === "cookie") text = `${bytes} bytes on every request, ${room} more ${config.mode === "stateless" ? "fit" : "before it moves out"}.`;
  $("reading").textContent = text;
  $("gauge").setAttribute("aria-valuenow", Math.min(bytes, config.max));
  $("gauge").setAttribute("aria-valuetext", text);
  $("dock-text").textContent = `${PLACES[p.where].slice(0, -1)}${bytes ? `, ${stored ? "about " : ""}${bytes} B` : ""}`;
}

function ghost(bytes) { $("ghost").style.width = percent(bytes); }

function hold(items) {
  const box = $("hold");
  const shown = Math.min(items, 60);
  while (box.children.length > shown) box.lastChild.remove();
  while (box.children.length < shown) box.append(document.createElement("i"));
  box.dataset.more = items > shown ? `and ${items - shown} more` : "";
}

function clock() {
  const none = !session || session.placement.where === "none";
  const at = (value) => { const t = Date.parse(value); return none || !(t > 0) ? null : t; };
  const created = at(session?.created), expires = at(session?.expires);
  $("created").textContent = created ? new Date(created).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" }) : "";
  $("expires").title = expires ? new Date(expires).toLocaleString() : "";
  $("expires").textContent = expires ? `in ${span(expires - Date.now())}` : "";
}

function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000)), h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
  if (h >= 48) return `${Math.floor(h / 24)} days`;
  return h ? `${h} h ${m} min` : m ? `${m} min` : `${s} s`;
}

// ---- the chart; its points survive a reload, in this tab only ----

function load() {
  try { return JSON.parse(sessionStorage.getItem("voyages")) || []; } catch { return []; }
}

function record(what, p) {
  voyages = [...voyages, { what, where: p.where, bytes: p.where === "over" ? p.cookie_bytes : sizeOf(p) }].slice(-KEEP);
  try { sessionStorage.setItem("voyages", JSON.stringify(voyages)); } catch { /* the chart is then lost on reload */ }
  chart();
}

function svg(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  return element;
}

function chart() {
  const root = $("history");
  const { width, height } = root.getBoundingClientRect();
  if (!width) return;
  const left = 36, base = height - 1, y = (bytes) => base - scale(bytes) * base;
  root.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const hatch = svg("pattern", { id: "hatch", width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
  hatch.append(svg("rect", { class: "hatch-ground", width: 5, height: 5 }), svg("rect", { class: "hatch-line", width: 1.6, height: 5 }));
  root.replaceChildren(hatch);
  const slot = (width - left) / KEEP;
  voyages.forEach((point, i) => {
    const top = point.bytes ? Math.min(y(point.bytes), base - 2) : base - 2;
    const bar = svg("rect", { class: `bar ${point.where}`, x: left + i * slot + 1, y: top, width: Math.max(slot - 2, 2), height: base - top, rx: 1 });
    bar.append(svg("title", {}, `${point.what}: ${point.where === "store" ? "about " : ""}${point.bytes} bytes`));
    root.append(bar);
  });
  const lines = config.mode === "stateless" ? [["max", config.max]] : [["low", config.low_water], ["inline", config.inline], ["max", config.max]];
  for (const [name, bytes] of lines) {
    root.append(svg("line", { class: `rule ${name}`, x1: left - 4, x2: width, y1: y(bytes), y2: y(bytes) }),
      svg("text", { x: left - 8, y: y(bytes) + 3.5, "text-anchor": "end" }, String(bytes)));
  }
  root.append(svg("line", { class: "rule base", x1: left - 4, x2: width, y1: base, y2: base }));
  const places = voyages.filter((p) => p.where === "store").length;
  root.setAttribute("aria-label", voyages.length ? `The last ${voyages.length} changes, ${places} of them in the store; the latest at ${voyages.at(-1).bytes} bytes` : "No changes yet");
}

// ---- start ----

function configure(c) {
  config = { ...config, ...c };
  document.body.dataset.mode = config.mode;
  $("mode").hidden = false;
  $("mode").textContent = config.mode === "stateless" ? "stateless: no store at all" : `hybrid: cookie, then ${config.store || "a"} store`;
  $("store-name").textContent = config.mode === "stateless" ? "No store in this mode" : "The server's store";
  for (const [name, bytes] of [["low", config.low_water], ["inline", config.inline], ["max", config.max]]) {
    $(`mark-${name}`).firstElementChild.textContent = bytes;
    $(`mark-${name}`).style.left = percent(bytes);
  }
  $("gauge").setAttribute("aria-valuemax", config.max);
}

for (const button of document.querySelectorAll(".product-add")) {
  const { count, note, name } = button.dataset;
  button.addEventListener("click", () => change(`Added ${name}`, "POST", `/api/items?count=${count}&note=${note}`));
}
$("remove-one").addEventListener("click", () => change("Took one out", "DELETE", "/api/items?count=1"));
$("empty-cart").addEventListener("click", () => change("Emptied the cart", "DELETE", "/api/items"));
$("logout").addEventListener("click", () => change("Logged out", "POST", "/api/logout"));
$("logout-all").addEventListener("click", () => change("Logged out everywhere", "POST", "/api/logout?everywhere=1"));
$("login-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = $("login-name").value.trim();
  if (name) change(`Logged in as ${name}`, "POST", `/api/login?user=${encodeURIComponent(name)}`);
});

function returned() {
  if (document.visibilityState === "visible" && waiting === 0 && document.body.dataset.ready) enqueue(() => refresh(true));
}
document.addEventListener("visibilitychange", returned);
window.addEventListener("focus", returned);
$("where").addEventListener("animationend", (event) => {
  if (event.animationName === "carried") $("where").classList.remove("crossing");
});
new ResizeObserver(chart).observe($("history"));
setInterval(clock, 15000);

enqueue(async () => {
  try {
    configure((await call("GET", "/api/config")).body);
    await refresh(false);
  } finally {
    chart();
    document.body.getBoundingClientRect(); // settle before transitions are switched on
    document.body.dataset.ready = "true";
  }
});
