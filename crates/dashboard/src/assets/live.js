// Live pages. The server sends the parts of the page that changed, over one stream for each visible tab.
(() => {
  "use strict";
  const live = document.querySelector("[data-stream]");
  if (!live) return;
  const $ = (selector, of = document) => of.querySelector(selector);
  const policy = window.trustedTypes?.createPolicy("flowruns", { createHTML: (html) => html });
  // A template keeps the rows of tables as they are, and never runs a script.
  const parse = (html) => {
    const template = document.createElement("template");
    template.innerHTML = policy ? policy.createHTML(html) : html;
    return template.content;
  };

  // Times that pass. The server writes the same texts.
  let skew;
  const two = (number) => String(number).padStart(2, "0");
  const ago = (s) => (s < 60 ? `${s} s` : s < 5400 ? `${Math.floor(s / 60)} min` : s < 172800 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86400)} days`) + " ago";
  const since = (s) => {
    const [m, h, d] = [60, 3600, 86400].map((unit) => Math.floor(s / unit));
    return d ? `${d} d ${two(h % 24)} h` : h ? `${h} h ${two(m % 60)} min` : m ? `${m} min ${two(s % 60)} s` : `${s} s`;
  };
  const tick = (of) => {
    if (skew === undefined || document.hidden) return;
    for (const time of of.querySelectorAll("[data-ticks]")) {
      const seconds = Math.floor((Date.now() + skew - Date.parse(time.dateTime)) / 1000);
      const text = (time.dataset.ticks === "ago" ? ago : since)(seconds);
      if (seconds >= 0 && time.textContent !== text) time.textContent = text;
    }
  };
  setInterval(() => tick(document), 1000);

  // Makes `old` like `next` and changes only what differs, so that focus, selection, scroll positions, open details and typed
  // text stay. Elements with an id keep their identity.
  const run = (box) => box.value.replace(/\.\d+$/, "");
  function morph(old, next) {
    if (old.isEqualNode(next)) return;
    if (old.nodeName !== next.nodeName || (old.type === "checkbox" && run(old) !== run(next))) {
      old.replaceWith(next);
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      old.data = next.data;
      return;
    }
    // Whether details and dialogs are open is up to the reader.
    for (const { name, value } of [...next.attributes]) if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
    for (const { name } of [...old.attributes]) if (name !== "open" && !next.hasAttribute(name)) old.removeAttribute(name);
    const named = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
    let at = old.firstChild;
    for (const child of [...next.childNodes]) {
      const same = child.id ? named.get(child.id) : at && !at.id && at.nodeName === child.nodeName ? at : undefined;
      if (!same) {
        old.insertBefore(child, at);
        continue;
      }
      if (same === at) at = at.nextSibling;
      else old.insertBefore(same, at);
      morph(same, child);
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  }
  function show(old, next) {
    const focused = document.activeElement;
    tick(next.parentNode);
    document.dispatchEvent(new CustomEvent("flowruns:parsed", { detail: next.parentNode }));
    morph(old, next);
    if (focused && !focused.isConnected && focused.id) document.getElementById(focused.id)?.focus({ preventScroll: true });
    document.dispatchEvent(new CustomEvent("flowruns:shown"));
  }

  // Readers of the screen hear one sentence in ten seconds at most, the newest.
  let said = 0, saying;
  function say(text) {
    clearTimeout(saying);
    if (text) saying = setTimeout(() => { said = Date.now(); $("#say").textContent = text; }, Math.max(0, said + 10000 - Date.now()));
  }
  function state(is, text) {
    if (live.dataset.state !== is && !live.hidden) say(is === "on" ? "This page is live again." : `This page is not live: ${text}.`);
    live.dataset.state = is;
    live.lastElementChild.textContent = text;
    live.hidden = false;
  }

  let stream, timer, tries = 0;
  function close() {
    clearTimeout(timer);
    stream?.close();
    stream = undefined;
  }
  // After a random pause, so that the tabs of a server that went away do not come back all at once.
  function later(act, least, most) {
    close();
    timer = setTimeout(act, least + Math.random() * (most - least));
  }
  const again = (act, least) => later(act, least, 1000 * Math.min(30, 2 ** tries++));
  // Not while someone types, and not at once again: while servers are replaced, two versions may respond in turn.
  function reload() {
    if (document.activeElement?.matches("input,select,textarea")) return state("off", "load the page again");
    if (performance.now() > 20000) return location.reload();
    state("off", "reconnecting");
    later(load, 20000, 40000);
  }

  // Loads the page, and shows what differs.
  async function load() {
    close();
    if (document.hidden) return;
    try {
      const response = await fetch(location.href, { redirect: "manual", headers: { accept: "text/html" } });
      // Signed out, or gone: the page that says so is shown.
      if (response.type === "opaqueredirect" || (response.status >= 400 && response.status < 500 && response.status !== 429)) return reload();
      if (!response.ok) throw response.status;
      const next = parse(await response.text()), script = "script[src]";
      if ($(script, next)?.getAttribute("src") !== $(script).getAttribute("src")) return reload();
      const fresh = $("[data-stream]", next).dataset;
      Object.assign(live.dataset, { stream: fresh.stream, rev: fresh.rev });
      document.title = $("title", next).textContent;
      show($("main"), $("main", next));
      open();
    } catch {
      state("off", "reconnecting");
      again(load, 500);
    }
  }

  const events = {
    put(html) {
      const next = parse(html).firstElementChild, old = next && document.getElementById(next.id);
      if (old) show(old, next);
    },
    rev(rev) { live.dataset.rev = rev; },
    title(title) { document.title = title; },
    say,
    state(data) {
      const [is, text, now] = data.split("\n");
      if (now) skew = now - Date.now();
      if (is === "on") tries = 0;
      state(is, text);
    },
    bye(why) {
      if (why === "full") return later(open, 45000, 75000);
      if (why === "page") return again(load, 0);
      state("off", why === "session" ? "the session has ended" : "reconnecting");
      later(why === "session" ? load : open, 1000, 5000);
    },
  };
  function open() {
    close();
    if (document.hidden) return;
    const opened = (stream = new EventSource(`${live.dataset.stream}&rev=${live.dataset.rev}`));
    for (const name of Object.keys(events)) opened.addEventListener(name, (event) => { if (stream === opened) events[name](event.data); });
    opened.onerror = () => {
      if (stream !== opened) return;
      state("off", "reconnecting");
      // Closed means that the response was an error; the page knows which.
      again(opened.readyState === EventSource.CLOSED ? load : open, 500);
    };
  }
  const start = () => { tries = 0; open(); };
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : start()));
  // A page that goes into the back-forward cache must have no stream; when it comes back, it catches up.
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && start());
  addEventListener("online", start);
  open();
})();
