// What the clients on Node.js share: the schemas of tests/agent_tasks.py in zod, and how a script is run.

import { z } from "zod";

export const Trip = z.object({
  city: z.object({ name: z.string(), motto: z.string().nullable() }),
  days: z.number().int(),
  purpose: z.enum(["work", "fun"]),
});

export const GetWeather = z.object({ city: z.string(), days: z.number().int().nullable() });

export const getWeather = async ({ city, days }) => ({ sky: `sunny over ${city}`, days });

// Does the task that the script's argument names, and prints what came of it, or the error, as JSON.
export async function run(tasks) {
  const { task, ...request } = JSON.parse(process.argv[2]);
  let outcome;
  try {
    outcome = await tasks[task](request);
  } catch (error) {
    const { name, message, param, code } = error;
    outcome = { error: { name, message, param, code, status: error.status ?? error.statusCode } };
  }
  console.log(JSON.stringify(outcome));
}
