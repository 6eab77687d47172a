// What the tests of accessibility check in the browser.

// The elements that the tab key reaches.
function stops() {
  const all = "a[href], button, input:not([type='hidden']), select, textarea, [tabindex='0']";
  return [...document.querySelectorAll(all)];
}

function focusIsVisible() {
  const box = document.activeElement.getBoundingClientRect();
  const isOnScreen = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  // The link of a card has its outline around the card.
  return (
    isOnScreen &&
    [null, "::after"].some((part) => {
      const style = getComputedStyle(document.activeElement, part);
      return style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2;
    })
  );
}

// Everything that is wrong with the page.
function findings() {
  return [...contrasts(), ...colours(), ...targets(), ...structure(), ...motion()];
}

function* contrasts() {
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].filter((it) => it.nodeType === Node.TEXT_NODE);
    const isShown = element.checkVisibility() && !element.closest("svg, noscript, option");
    if (!isShown || text.every((it) => it.data.trim() === "")) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const ratio = contrast(parse(style.color), background(element));
    if (ratio < (isLarge ? 3 : 4.5)) yield `contrast ${ratio.toFixed(2)}: ${element.outerHTML}`;
  }
}

// The colours of outlines, and of the borders of fields, on what they are beside.
function* colours() {
  for (const [front, back] of [
    ["--focus", "--ground"],
    ["--focus", "--surface"],
    ["--sea-focus", "--sea"],
    ["--soft", "--surface"],
    ["--accent", "--surface"],
    ["--lost", "--sea"],
    ["--coral", "--sea"],
    ["--coral", "--sea-deep"],
  ]) {
    const ratio = contrast(named(front), named(back));
    if (!(ratio >= 3)) yield `contrast ${ratio}: ${front} on ${back}`;
  }
}

// What a finger has to hit.
function* targets() {
  for (const element of stops()) {
    const box = element.getBoundingClientRect();
    const isInText = element.matches("p a:not(.button)");
    if (!isInText && (box.width < 24 || box.height < 24)) yield `too small: ${element.outerHTML}`;
  }
}

function* structure() {
  const count = (css) => document.querySelectorAll(css).length;
  if (document.documentElement.lang !== "en") yield "no language";
  if (!/^.+ · sessile demo$/.test(document.title)) yield `title: ${document.title}`;
  for (const css of ["h1", "main", "header", "nav", "footer"]) {
    if (count(css) !== 1) yield `${count(css)} of ${css}`;
  }
  for (const input of document.querySelectorAll("input:not([type='hidden'])")) {
    if (input.labels.length !== 1) yield `no label: ${input.outerHTML}`;
  }
  for (const form of document.querySelectorAll("form")) {
    if (!form.querySelector("input[name='csrf_token']")) yield `no token: ${form.outerHTML}`;
  }
  for (const element of stops()) {
    const name = element.innerText || element.labels?.[0]?.innerText || element.ariaLabel;
    if (!name && !element.matches("[aria-labelledby]")) yield `no name: ${element.outerHTML}`;
  }
  const ids = [...document.querySelectorAll("[id]")].map((it) => it.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) yield `twice: #${id}`;
}

// The tests ask for reduced motion.
function* motion() {
  for (const element of document.querySelectorAll("body *")) {
    const style = getComputedStyle(element);
    if (style.animationName !== "none" || style.transitionDuration !== "0s") {
      yield `moves: ${element.outerHTML}`;
    }
  }
}

function background(element) {
  for (let it = element; it; it = it.parentElement) {
    const colour = parse(getComputedStyle(it).backgroundColor);
    if (colour[3] === 1) return colour;
  }
  return [255, 255, 255, 1];
}

function contrast(one, other) {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

// The relative luminance, as WCAG defines it.
function luminance([red, green, blue]) {
  const linear = (value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

function named(name) {
  const element = document.createElement("i");
  element.style.color = `var(${name})`;
  document.body.append(element);
  const colour = parse(getComputedStyle(element).color);
  element.remove();
  return colour;
}

// `rgb(1, 2, 3)` or `rgba(1, 2, 3, 0.4)`.
function parse(colour) {
  const [red, green, blue, alpha = 1] = colour.match(/[\d.]+/g).map(Number);
  return [red, green, blue, alpha];
}
