// Starts the concurrent requests of a run, and then requests the writes that the session has.
"use strict";

for (const race of document.querySelectorAll("[data-race]")) {
  prepare(race);
}

function prepare(race) {
  const button = race.querySelector("button");
  let running = false;
  button.addEventListener("click", async () => {
    // The attribute `disabled` would remove the keyboard focus from the button.
    if (running) return;
    running = true;
    button.setAttribute("aria-disabled", "true");
    try {
      await run(race);
    } catch (error) {
      show(race, "failed", "The server did not answer.", "Is it still running?");
    } finally {
      button.removeAttribute("aria-disabled");
      running = false;
    }
  });
}

async function run(race) {
  const address = race.dataset.race;
  const polyps = [...race.querySelectorAll(".reef li")];
  for (const polyp of polyps) polyp.className = "";
  show(race, "running", "Running …", "");

  await post(address);
  const begun = performance.now();
  const outcomes = await Promise.allSettled(
    polyps.map(async (polyp, number) => {
      polyp.className = "waiting";
      await post(`${address}/${number}`);
      polyp.className = "answered";
    }),
  );
  const took = Math.round(performance.now() - begun);
  const answered = outcomes.filter((outcome) => outcome.status === "fulfilled").length;

  const isKept = await load(address);
  polyps.forEach((polyp, number) => {
    polyp.className = isKept(number) ? "open" : "lost";
  });

  const kept = polyps.filter((polyp) => polyp.className === "open").length;
  const all = polyps.length;
  const unanswered = answered < all ? `, ${all - answered} of them failed` : "";
  show(
    race,
    kept === all ? "won" : "failed",
    `${kept} of ${all} kept`,
    `${all} requests in ${took} ms${unanswered}`,
  );
}

async function post(address) {
  const response = await fetch(address, { method: "POST", redirect: "error" });
  if (!response.ok) throw new Error(`${address}: status ${response.status}`);
}

// For keys, the server returns the numbers of the stored keys. For a counter, it returns the count.
async function load(address) {
  const response = await fetch(address, { redirect: "error" });
  if (!response.ok) throw new Error(`${address}: status ${response.status}`);
  const { kept } = await response.json();
  return Array.isArray(kept) ? (number) => kept.includes(number) : (number) => number < kept;
}

function show(race, state, headline, detail) {
  race.dataset.state = state;
  const strong = document.createElement("strong");
  strong.textContent = headline;
  const small = document.createElement("span");
  small.textContent = detail;
  race.querySelector(".result").replaceChildren(strong, " ", small);
}
