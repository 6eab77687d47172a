// Starts the parallel requests of a race, then asks the server what is left of them.
"use strict";

for (const race of document.querySelectorAll("[data-race]")) {
  prepare(race);
}

function prepare(race) {
  const button = race.querySelector("button");
  let running = false;
  button.addEventListener("click", async () => {
    // Not `disabled`, which would take the focus away from whoever pressed the key.
    if (running) return;
    running = true;
    button.setAttribute("aria-disabled", "true");
    try {
      await run(race);
    } catch (error) {
      tell(race, "failed", "The server did not answer.", "Is it still running?");
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
  tell(race, "running", "Under way …", "");

  await post(address);
  const begun = performance.now();
  const answers = await Promise.allSettled(
    polyps.map(async (polyp, number) => {
      polyp.className = "waiting";
      await post(`${address}/${number}`);
      polyp.className = "answered";
    }),
  );
  const took = Math.round(performance.now() - begun);
  const answered = answers.filter((answer) => answer.status === "fulfilled").length;

  const isKept = await ask(address);
  polyps.forEach((polyp, number) => {
    polyp.className = isKept(number) ? "open" : "lost";
  });

  const kept = polyps.filter((polyp) => polyp.className === "open").length;
  const all = polyps.length;
  const unanswered = answered < all ? `, ${all - answered} of them unanswered` : "";
  tell(
    race,
    kept === all ? "won" : "failed",
    `${kept} of ${all} kept`,
    `${all} requests in ${took} ms${unanswered}`,
  );
}

async function post(address) {
  const response = await fetch(address, { method: "POST", redirect: "error" });
  if (!response.ok) throw new Error(`${address} answered ${response.status}`);
}

// For a race of keys, the server names those it found; for a counter, it tells how far it came.
async function ask(address) {
  const response = await fetch(address, { redirect: "error" });
  if (!response.ok) throw new Error(`${address} answered ${response.status}`);
  const { kept } = await response.json();
  return Array.isArray(kept) ? (number) => kept.includes(number) : (number) => number < kept;
}

function tell(race, state, headline, detail) {
  race.dataset.state = state;
  const strong = document.createElement("strong");
  strong.textContent = headline;
  const small = document.createElement("span");
  small.textContent = detail;
  race.querySelector(".result").replaceChildren(strong, " ", small);
}
