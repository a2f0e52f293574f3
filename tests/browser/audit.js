// What is wrong with the page as it is now. The last argument is the callback; the result is a list of sentences.
const [say] = arguments;
const found = [];
const describe = (element) => {
  const text = (element.getAttribute("aria-label") || element.textContent || element.name || "").trim().slice(0, 40);
  const names = [...element.classList].map((name) => "." + name).join("");
  return `${element.localName}${element.id ? "#" + element.id : ""}${names} "${text}"`;
};
const all = (selector) => [...document.querySelectorAll(selector)];
const isVisible = (element) => element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });

// Sideways scroll, with what causes it.
const page = document.documentElement;
if (page.scrollWidth > page.clientWidth) {
  const isInside = (element) => {
    for (let box = element.parentElement; box; box = box.parentElement) {
      if (box !== page && getComputedStyle(box).overflowX !== "visible") return true;
    }
    return false;
  };
  const wide = all("body *").filter((e) => e.getBoundingClientRect().right > page.clientWidth + 0.5 && !isInside(e));
  found.push(`the page is ${page.scrollWidth} px wide in ${page.clientWidth}: ${wide.slice(0, 4).map(describe).join(", ")}`);
}

// Targets smaller than 24 px (WCAG 2.5.8). Links in a sentence are excepted, and targets with enough space around them.
const targets = all("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']").filter(
  (e) => isVisible(e) && e.tabIndex >= 0 && !e.closest(".sr") && !(e.matches(".skip") && e !== document.activeElement),
);
const area = (element) => {
  const label = element.matches("input[type=checkbox], input[type=radio]") && element.closest("label");
  return (label || element).getBoundingClientRect();
};
const isInSentence = (element) => {
  const style = getComputedStyle(element);
  if (style.display !== "inline") return false;
  return [...element.parentElement.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "");
};
const distance = (x, y, box) =>
  Math.hypot(Math.max(box.left - x, 0, x - box.right), Math.max(box.top - y, 0, y - box.bottom));
for (const target of targets) {
  const box = area(target);
  if ((box.width >= 24 && box.height >= 24) || isInSentence(target) || box.width === 0) continue;
  const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
  const near = targets.find((other) => {
    if (other === target || other.contains(target) || target.contains(other)) return false;
    const its = area(other);
    const isSmall = its.width < 24 || its.height < 24;
    const gap = isSmall ? Math.hypot(x - its.left - its.width / 2, y - its.top - its.height / 2) - 12 : distance(x, y, its);
    return gap < 12;
  });
  if (near) found.push(`${describe(target)} is ${box.width.toFixed(0)}×${box.height.toFixed(0)} px, next to ${describe(near)}`);
}

// Structure that screen readers rely on.
const count = (selector) => all(selector).length;
if (count("h1") !== 1) found.push(`${count("h1")} elements h1`);
if (count("main") !== 1) found.push(`${count("main")} elements main`);
if (!page.lang) found.push("the document has no language");
if (!document.title.trim()) found.push("the document has no title");
const ids = all("[id]").map((element) => element.id);
const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
if (twice.length) found.push(`ids that are used twice: ${[...new Set(twice)].slice(0, 5).join(", ")}`);
if (count("[style], style, script:not([src]), [onclick], [onload], [onerror]")) found.push("inline styles or scripts");
if ("__xss" in window) found.push(`a script of a hostile value ran: ${window.__xss}`);

// What happened while it loaded: shifts of the layout, and tasks that blocked the page.
const entries = (type) =>
  new Promise((resolve) => {
    const observer = new PerformanceObserver((list) => resolve(list.getEntries()));
    observer.observe({ type, buffered: true });
    // Without entries the observer is not called. Two frames are enough for those that are buffered.
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(observer.takeRecords())));
  });
Promise.all([entries("layout-shift"), entries("longtask")]).then(([shifts, tasks]) => {
  const shift = shifts.filter((entry) => !entry.hadRecentInput).reduce((sum, entry) => sum + entry.value, 0);
  const sources = shifts.flatMap((entry) => entry.sources.map((source) => source.node && source.node.nodeType === 1 ? describe(source.node) : "?"));
  if (shift > 0.01) found.push(`the layout shifts by ${shift.toFixed(4)}: ${[...new Set(sources)].slice(0, 4).join(", ")}`);
  say({ found, shift, longestTask: Math.max(0, ...tasks.map((entry) => entry.duration)) });
});
