// The page of `vblip serve`: it speaks to the JSON API that /openapi.json describes.
"use strict";

const $ = (id) => document.getElementById(id);
const PAGE = 24;
const SAME = 0.95; // cosine of moments that look the same

let about = { matches: true, asks: true, captions: true };
let search = null; // {body, hits, turn}: what is shown
let turn = 0; // answers to earlier searches are not shown
let current = -1; // of search.hits
let captioning = null; // AbortController of captions that are being made

// ------------------------------------------------------------------------------ talking

async function call(path, body, signal) {
  const options = body && {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal,
  };
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Is vblip serve still running?");
  }
  const answer = await response.json().catch(() => ({ error: response.statusText }));
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

// Calls `seen` with the name and data of each server-sent event.
async function events(path, body, signal, seen) {
  const response = await fetch(path, {
    method: "POST", signal, body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
  });
  if (!response.ok) throw new Error((await response.json()).error);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
      const [name, data] = text.slice(0, end).split("\n").map((line) => line.slice(line.indexOf(": ") + 2));
      seen(name, JSON.parse(data));
    }
  }
}

// ------------------------------------------------------------------------------- making

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function clock(seconds) {
  const whole = Math.floor(seconds), two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

function span(hit) {
  return hit.timed ? `${clock(hit.start)} – ${clock(hit.end)}` : "";
}

function say(text, failed) {
  $("state").textContent = text;
  $("state").classList.toggle("failed", Boolean(failed));
}

function match(hit) {
  if (hit.p_match == null)
    return element("span", { className: "match", textContent: hit.itc == null ? "" : `similarity ${hit.itc.toFixed(2)}` });
  const percent = Math.round(hit.p_match * 100);
  const meter = element("meter", { min: 0, max: 1, value: hit.p_match, low: 0.3, high: 0.7, optimum: 1 });
  meter.setAttribute("aria-hidden", "true");
  return element("span", { className: "match", title: `P(match) ${hit.p_match.toFixed(3)}` }, meter, `${percent} %`);
}

function card(hit, index) {
  const middle = hit.timed ? (hit.start + hit.end) / 2 : 0;
  const image = element("img", {
    src: `/thumbnail/${hit.recording}?t=${middle.toFixed(3)}&w=320`, alt: "", loading: "lazy", decoding: "async",
  });
  const picture = element("span", { className: "picture" }, image);
  if (hit.timed && hit.end != null) picture.append(element("span", { className: "time", textContent: span(hit) }));
  const weak = hit.p_match != null && hit.p_match < 0.5;
  const button = element("button", { type: "button", className: weak ? "hit weak" : "hit" }, picture,
    element("span", { className: "text" }, hit.path, match(hit)));
  button.addEventListener("click", () => open(index));
  return element("li", {}, button);
}

// ---------------------------------------------------------------------------- searching

const list = (text) => text.split(",").map((part) => part.trim()).filter(Boolean);
const day = (text, end) => new Date(`${text}T${end ? "23:59:59" : "00:00:00"}`).getTime() / 1000;

function filters() {
  const f = $("filters").elements, body = {};
  if (f.then.value.trim()) {
    body.then = f.then.value.trim();
    if (f.within.value) body.within = Number(f.within.value);
  }
  if (f.min_p.value) body.min_p = Number(f.min_p.value);
  if (list(f.include.value).length) body.include = list(f.include.value);
  if (list(f.exclude.value).length) body.exclude = list(f.exclude.value);
  if (f.since.value) body.since = day(f.since.value, false);
  if (f.until.value) body.until = day(f.until.value, true);
  if (f.by_recording.checked) body.by_recording = true;
  if (f.dedupe.checked) body.dedupe = SAME;
  return body;
}

function show(hits, from) {
  const cards = hits.slice(from).map((hit, i) => card(hit, from + i));
  if (from) $("hits").append(...cards);
  else $("hits").replaceChildren(...cards);
  mark();
}

function sum(answer, first) {
  const best = search.hits[0];
  if (!best) return "No match.";
  const weak = best.p_match != null && best.p_match < 0.5;
  if (weak) return `Nothing matches well: the best has P(match) ${best.p_match.toFixed(2)}.`;
  if (first) return "Looking closer …";
  const good = search.hits.filter((hit) => hit.p_match >= 0.5).length, all = search.hits.length;
  return `${good ? `${good} of ${all} moments match` : `${all} moments`}, in ${answer.seconds.toFixed(2)} s.`;
}

// By similarity at once, then with what a closer look says of the best.
async function run(body) {
  const mine = ++turn;
  const closer = about.matches && !body.like;
  say("Searching …");
  $("results").setAttribute("aria-busy", "true");
  try {
    for (const first of closer && !body.min_p ? [true, false] : [false]) {
      const request = { ...body, top: PAGE };
      if (first) request.rerank = 0;
      const answer = await call("/api/search", request);
      if (mine !== turn) return;
      search = { body, hits: answer.hits };
      if (!first || current >= 0) current = Math.min(current, answer.hits.length - 1);
      show(answer.hits, 0);
      $("more").hidden = answer.hits.length < PAGE;
      say(sum(answer, first));
    }
  } catch (error) {
    if (mine === turn) say(error.message, true);
  } finally {
    if (mine === turn) $("results").removeAttribute("aria-busy");
  }
}

async function more() {
  const mine = turn;
  $("more").disabled = true;
  try {
    const answer = await call("/api/search", { ...search.body, top: PAGE, offset: search.hits.length });
    if (mine !== turn) return;
    const from = search.hits.length;
    search.hits.push(...answer.hits);
    show(search.hits, from);
    $("more").hidden = answer.hits.length < PAGE;
  } catch (error) {
    say(error.message, true);
  } finally {
    $("more").disabled = false;
  }
}

function submit() {
  const query = $("query").value.trim();
  history.replaceState(null, "", query ? `?q=${encodeURIComponent(query)}` : "/");
  shut();
  if (query) run({ query, ...filters() });
  else browse();
}

// Without a query: what there is.
async function browse() {
  const mine = ++turn;
  try {
    const answer = await call(`/api/recordings?limit=${PAGE}`);
    if (mine !== turn) return;
    const readable = answer.recordings.filter((r) => r.readable);
    search = { body: null, hits: readable.map((r) => ({ recording: r.id, path: r.path, timed: true, start: 0, end: null })) };
    show(search.hits, 0);
    $("more").hidden = true;
    say(answer.total ? `${answer.total} recordings. Type what you are looking for.` : "No recordings yet.");
  } catch (error) {
    say(error.message, true);
  }
}

// --------------------------------------------------------------------------- the moment

const moment = () => search.hits[current];
const part = (hit) => ({ recording: hit.recording, start: hit.start, ...(hit.end ? { end: hit.end } : {}) });

function mark() {
  [...$("hits").querySelectorAll(".hit")].forEach((hit, i) => hit.setAttribute("aria-current", String(i === current)));
}

function unplayed(hit) {
  const quoted = `'${hit.path.replaceAll("'", "'\\''")}'`;
  return element("p", { className: "unplayed" }, "This browser does not play this kind of file. ",
    element("code", { textContent: `mpv --start=${hit.start} ${quoted}` }), " does.");
}

function play(hit) {
  const url = `/media/${hit.recording}`;
  const until = hit.end ? `,${hit.end}` : "";
  const still = /\.(jpe?g|png|webp|bmp|gif)$/i.test(hit.path);
  const shown = still ? element("img", { src: url, alt: hit.path })
    : element("video", { src: `${url}#t=${hit.start}${until}`, controls: true, autoplay: true, muted: true, playsInline: true });
  shown.addEventListener("error", () => $("player").replaceChildren(unplayed(hit)));
  if (!still) shown.addEventListener("timeupdate", follow);
  $("player").replaceChildren(shown);
}

function open(index) {
  if (!search || !search.hits[index]) return;
  current = index;
  const hit = moment();
  stop();
  $("moment").hidden = false;
  $("name").textContent = hit.path;
  $("when").textContent = hit.end == null ? "" : [span(hit), hit.p_match == null ? "" : `P(match) ${hit.p_match.toFixed(2)}`]
    .filter(Boolean).join(" · ");
  $("download").href = `/media/${hit.recording}`;
  $("download").download = hit.path.split("/").pop();
  $("answers").replaceChildren();
  $("lines").replaceChildren();
  play(hit);
  mark();
  $("hits").children[index]?.scrollIntoView({ block: "nearest" });
  if (matchMedia("(max-width: 52rem)").matches) $("moment").scrollIntoView();
}

function stop() {
  captioning?.abort();
  captioning = null;
}

function shut() {
  stop();
  $("moment").hidden = true;
  $("player").replaceChildren();
  const at = current;
  current = -1;
  mark();
  $("hits").children[at]?.firstChild.focus();
}

// Adds a question, and what `ask` comes to.
async function answer(question, ask) {
  const hit = moment();
  const line = element("dd", { textContent: "…" });
  $("answers").append(element("dt", { textContent: question }), line);
  line.scrollIntoView({ block: "nearest" });
  try {
    line.textContent = await ask(hit);
  } catch (error) {
    line.textContent = error.message;
    line.className = "failed";
  }
}

function caption(line) {
  const button = element("button", { type: "button" }, element("span", { className: "time", textContent: clock(line.start) }),
    element("span", { textContent: line.caption }));
  button.dataset.start = line.start;
  button.addEventListener("click", () => {
    const video = $("player").querySelector("video");
    if (video) video.currentTime = line.start;
  });
  return element("li", {}, button);
}

// The caption of what is shown now.
function follow(event) {
  const lines = [...$("lines").querySelectorAll("button")];
  const at = lines.findLastIndex((line) => Number(line.dataset.start) <= event.target.currentTime);
  lines.forEach((line, i) => line.setAttribute("aria-current", String(i === at)));
}

async function captions() {
  stop();
  const mine = (captioning = new AbortController());
  $("lines").replaceChildren();
  const line = element("dd", { textContent: "Describing, line by line …" });
  $("answers").replaceChildren(element("dt", { textContent: "Captions" }), line);
  try {
    await events("/api/captions", { recording: moment().recording, every: 2 }, mine.signal, (name, data) => {
      if (name === "caption") $("lines").append(caption(data));
      if (name === "end") line.textContent = `${data.captions} captions.`;
      if (name === "failure") throw new Error(data.error);
    });
  } catch (error) {
    if (error.name === "AbortError") return;
    line.textContent = error.message;
    line.className = "failed";
  }
}

// ---------------------------------------------------------------------------- indexing

function left(seconds) {
  if (seconds == null) return "";
  return seconds < 90 ? `, about ${Math.ceil(seconds)} s left` : `, about ${Math.round(seconds / 60)} min left`;
}

async function look() {
  let again = 15000;
  try {
    const was = about;
    about = await call("/api/status");
    const index = about.index || {}, work = about.indexing;
    $("about").textContent = `${index.segments} moments of ${index.recordings} recordings in ${index.root} · ` +
      `${about.demo ? "the demo model, which knows emoji scenes only" : about.model} · ${about.device}`;
    $("ask").hidden = !about.asks;
    $("describe").hidden = $("captions").hidden = !about.captions;
    $("indexing").hidden = !work;
    if (work) {
      again = 1000;
      const bar = $("indexing").querySelector("progress");
      if (work.total) Object.assign(bar, { max: work.total, value: work.done });
      else bar.removeAttribute("value");
      $("indexing").querySelector("span").textContent = `Indexing ${work.path}${left(work.seconds_left)}`;
    }
    if (search && !search.body && was.index && was.index.recordings !== index.recordings) browse();
  } catch (error) {
    $("about").textContent = error.message;
  }
  setTimeout(look, again);
}

// ------------------------------------------------------------------------------ hearing

$("search").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
$("filters").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
$("filters").addEventListener("change", () => { if ($("query").value.trim()) submit(); });
$("filters").addEventListener("reset", () => setTimeout(submit));
$("filter").addEventListener("click", () => {
  $("filters").hidden = !$("filters").hidden;
  $("filter").setAttribute("aria-expanded", String(!$("filters").hidden));
});
$("more").addEventListener("click", more);
$("close").addEventListener("click", shut);
$("like").addEventListener("click", () => {
  const hit = moment();
  $("query").value = "";
  run({ like: hit.recording, start: hit.start, ...(hit.end ? { end: hit.end } : {}) });
});
$("describe").addEventListener("click", () => answer("What is seen?", async (hit) => {
  const made = await call("/api/captions", hit.end ? part(hit) : { recording: hit.recording, start: 0, end: 30 });
  return made.captions.map((line) => line.caption).join(" ");
}));
$("captions").addEventListener("click", captions);
$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const input = $("ask").elements.question, question = input.value.trim();
  if (!question) return;
  input.select();
  answer(question, async (hit) => (await call("/api/ask", { ...part(hit), question })).answer);
});

function step(by) {
  const cards = [...$("hits").querySelectorAll(".hit")];
  if (!cards.length) return;
  const at = current >= 0 ? current : cards.indexOf(document.activeElement);
  const next = Math.max(0, Math.min(cards.length - 1, at + by));
  if ($("moment").hidden) cards[next].focus();
  else open(next);
}

const keys = {
  "/": () => { $("query").focus(); $("query").select(); },
  ArrowRight: () => step(1),
  ArrowLeft: () => step(-1),
  a: () => { if (!$("moment").hidden) $("ask").elements.question.focus(); },
  l: () => { if (!$("moment").hidden) $("like").click(); },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = /^(INPUT|VIDEO)$/.test(event.target.tagName);
  if (event.key === "Escape") {
    if (typing) event.target.blur();
    else if (!$("moment").hidden) shut();
    return;
  }
  const act = !typing && keys[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});

const asked = new URLSearchParams(location.search).get("q");
look().then(() => {
  if (asked) $("query").value = asked;
  submit();
});
