// The tools that this server lends, and what holds for each in a chat: whether the model is offered it, and whether its
// reader is asked. Knows no element.
//
// A chat has {tools: {off: [names], rules: {name: "always" or "never"}}}. It is no part of a chat that comes from a file.

import { state, tell } from "/page/scripts/state.js";

export const allTools = () => state.capabilities.tools ?? [];
export const toolOf = (name) => allTools().find((tool) => tool.name === name) ?? null;

const choicesOf = (chat) => (chat.tools ??= { off: [], rules: {} });

export const isOn = (chat, name) => !chat.tools?.off.includes(name);
export const toolsOn = (chat) => allTools().filter((tool) => isOn(chat, tool.name));
export const ruleOf = (chat, name) => (Object.hasOwn(chat.tools?.rules ?? {}, name) ? chat.tools.rules[name] : "ask");

export function switchTool(chat, name, on) {
  const choices = choicesOf(chat);
  choices.off = choices.off.filter((other) => other !== name);
  if (!on) choices.off.push(name);
  tell("settings");
}

// `rule` is "always", "never" or "ask".
export function decide(chat, name, rule) {
  const { rules } = choicesOf(chat);
  if (rule === "ask") delete rules[name];
  else rules[name] = rule;
  tell("settings");
}

// Whether the model that answers next can call tools; one that is not loaded yet may.
export const canCall = (model) => model?.tools !== false;

// What a request for an answer has of this.
export function toolFields(chat, model) {
  const tools = canCall(model) ? toolsOn(chat) : [];
  const schemas = tools.map(({ name, description, parameters }) => ({ type: "function", function: { name, description, parameters } }));
  return schemas.length ? { tools: schemas } : {};
}
