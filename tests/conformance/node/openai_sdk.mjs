// openai-node as a client: `node openai_sdk.mjs '{"task": ..., "baseURL": ..., "model": ..., "prompt": ...}'`.

import OpenAI from "openai";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { getWeather, GetWeather, run, Trip } from "./tasks.mjs";

const response_format = zodResponseFormat(Trip, "trip");
const tools = [
  zodFunction({
    name: "get_weather",
    description: "Get the weather of a city.",
    parameters: GetWeather,
    function: getWeather,
  }),
];

function chat({ baseURL }) {
  return new OpenAI({ baseURL, apiKey: "unused", maxRetries: 0 }).chat.completions;
}

function body({ model, prompt, choice }) {
  return { model, messages: [{ role: "user", content: prompt }], ...(choice && { tool_choice: choice }) };
}

function calls({ tool_calls }) {
  return (tool_calls ?? []).map((call) => [call.function.name, call.function.parsed_arguments]);
}

function told({ choices: [{ message, finish_reason }] }) {
  return { ...message, finish_reason, calls: calls(message) };
}

// Reads a stream by the SDK's events; `pieces` are those of the arguments of each call, `growing` the object in the text.
async function streamed(stream) {
  const pieces = [];
  const growing = [];
  const done = [];
  stream.on("tool_calls.function.arguments.delta", ({ index, arguments_delta }) =>
    (pieces[index] ??= []).push(arguments_delta),
  );
  stream.on("tool_calls.function.arguments.done", ({ index, name }) => done.push([index, name]));
  stream.on("content.delta", (event) => growing.push(structuredClone(event.parsed)));
  return { ...told(await stream.finalChatCompletion()), pieces, growing, done };
}

async function finished(runner) {
  return { text: await runner.finalContent(), roles: runner.messages.map(({ role }) => role) };
}

await run({
  parse: async (request) => told(await chat(request).parse({ ...body(request), response_format })),
  parseTools: async (request) => told(await chat(request).parse({ ...body(request), tools })),
  stream: (request) => streamed(chat(request).stream({ ...body(request), response_format })),
  streamTools: (request) => streamed(chat(request).stream({ ...body(request), tools })),
  runTools: (request) => finished(chat(request).runTools({ ...body(request), tools })),
  runToolsStreamed: (request) => finished(chat(request).runTools({ ...body(request), tools, stream: true })),
  reasoning: async (request) => {
    const deltas = [];
    for await (const chunk of await chat(request).create({ ...body(request), stream: true })) {
      deltas.push(chunk.choices[0].delta);
    }
    return { deltas, message: told(await chat(request).create(body(request))) };
  },
});
