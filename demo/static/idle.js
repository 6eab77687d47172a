// Shows the time that the session has left. Asking for it does not extend the session.

const watch = document.querySelector("[data-watch]");
const number = watch.querySelector("#remaining");
const bar = watch.querySelector("progress");
const state = watch.querySelector("#watch-state");
let longest = Number(watch.dataset.of ?? 0) * 1000;

look();

async function look() {
  let next = 1000;
  try {
    const response = await fetch(watch.dataset.watch, { redirect: "error" });
    if (response.ok) {
      const { millis } = await response.json();
      if (millis === null) {
        end();
        return;
      }
      longest = Math.max(longest, millis);
      number.textContent = inWords(millis);
      bar.value = millis / longest;
      // So that the end is not seen late.
      next = Math.min(next, millis + 50);
    }
  } catch {
    // The server may be back soon.
  }
  setTimeout(look, next);
}

function end() {
  watch.dataset.state = "ended";
  number.textContent = "0 s";
  bar.value = 0;
  state.textContent = "The session has ended, and its values are gone. Copies of the cookie open nothing.";
}

function inWords(millis) {
  const seconds = Math.ceil(millis / 1000);
  const minutes = Math.floor(seconds / 60);
  return minutes === 0 ? `${seconds} s` : `${minutes} min ${seconds % 60} s`;
}
