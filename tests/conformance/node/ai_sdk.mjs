// The Vercel AI SDK as a client: `node ai_sdk.mjs '{"task": ..., "provider": ..., "baseURL": ..., ...}'`.

import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, isStepCount, Output, streamObject, streamText, tool } from "ai";
import { getWeather, GetWeather, run, Trip } from "./tasks.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;

const PROVIDERS = {
  openai: (baseURL) => createOpenAI({ baseURL, apiKey: "unused" }).chat,
  compatible: (baseURL) =>
    createOpenAICompatible({ name: "bridge", baseURL, includeUsage: true, supportsStructuredOutputs: true }),
};

const tools = {
  get_weather: tool({
    description: "Get the weather of a city.",
    inputSchema: GetWeather,
    execute: getWeather,
  }),
};

function common({ provider, baseURL, model, prompt }) {
  return { model: PROVIDERS[provider](baseURL)(model), prompt, maxRetries: 0 };
}

function agent(request) {
  return { ...common(request), tools, toolChoice: request.toolChoice, stopWhen: isStepCount(request.steps ?? 3) };
}

async function told(result) {
  const steps = await result.steps;
  return {
    text: await result.text,
    reasoning: (await result.reasoningText) ?? null,
    steps: steps.map(({ finishReason, toolCalls }) => ({
      finishReason,
      calls: toolCalls.map(({ toolName, input }) => [toolName, input]),
    })),
    usage: await result.totalUsage,
  };
}

await run({
  generateText: async (request) => told(await generateText(agent(request))),

  // `pieces` are the texts of all parts of a kind; of `tool-input-delta` by call.
  streamText: async (request) => {
    const result = streamText(agent(request));
    const kinds = [];
    const inputs = {};
    for await (const part of result.fullStream) {
      if (part.type === "error") throw part.error;
      if (kinds.at(-1) !== part.type) kinds.push(part.type);
      if (part.type === "tool-input-delta") (inputs[part.id] ??= []).push(part.delta);
    }
    return { ...(await told(result)), kinds, inputs: Object.values(inputs) };
  },

  generateObject: async (request) => ({
    object: (await generateObject({ ...common(request), schema: Trip })).object,
  }),

  streamObject: async (request) => {
    const result = streamObject({ ...common(request), schema: Trip, onError: () => {} });
    const partial = [];
    for await (const part of result.partialObjectStream) partial.push(part);
    return { object: await result.object, partial };
  },

  generateOutput: async (request) => ({
    object: (await generateText({ ...common(request), output: Output.object({ schema: Trip }) })).output,
  }),

  streamOutput: async (request) => {
    const result = streamText({ ...common(request), output: Output.object({ schema: Trip }) });
    const partial = [];
    for await (const part of result.partialOutputStream) partial.push(part);
    return { object: await result.output, partial };
  },
});
