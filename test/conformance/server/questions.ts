/**
 * Tools that ask the client something. The SDK puts the questions into requests to the client in the
 * stateful era and into `input_required` in the stateless one.
 */
import type { InputRequest, McpServer } from '@modelcontextprotocol/server';
import { inputRequired, inputResponse } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { says } from './content.ts';

/** Registers them. */
export function addQuestions(server: McpServer): void {
  server.registerTool(
    'test_sampling',
    { description: 'Has the client sample', inputSchema: z.object({ prompt: z.string() }) },
    ({ prompt }, { mcpReq }) => ask(mcpReq.inputResponses, sample(prompt)),
  );
  server.registerTool(
    'test_elicitation',
    { description: 'Asks the user', inputSchema: z.object({ message: z.string() }) },
    ({ message }, { mcpReq }) => ask(mcpReq.inputResponses, form(message, RESPONSE)),
  );
  server.registerTool(
    'test_elicitation_sep1034_defaults',
    { description: 'Defaults' },
    ({ mcpReq }) => ask(mcpReq.inputResponses, form('Please review the defaults', DEFAULTS)),
  );
  server.registerTool('test_elicitation_sep1330_enums', { description: 'Choices' }, ({ mcpReq }) =>
    ask(mcpReq.inputResponses, form('Please select options', ENUMS)),
  );
  // Needs what the client may not have declared.
  server.registerTool('test_missing_capability', { description: 'Samples' }, ({ mcpReq }) =>
    ask(mcpReq.inputResponses, sample('Anything')),
  );
  server.registerTool('test_streaming_elicitation', { description: 'Asks' }, ({ mcpReq }) =>
    ask(mcpReq.inputResponses, form('Your answer?', RESPONSE)),
  );
}

/** A request to sample a text. */
export function sample(prompt: string): InputRequest {
  const messages = [{ role: 'user' as const, content: { type: 'text' as const, text: prompt } }];
  return inputRequired.createMessage({ messages, maxTokens: 100 });
}

type Answers = Parameters<typeof inputResponse>[0];

function ask(answers: Answers, question: InputRequest) {
  const answer = inputResponse(answers, 'answer');
  if (answer.kind !== 'missing') return says(`The client answered: ${JSON.stringify(answer)}`);
  return inputRequired({ inputRequests: { answer: question } });
}

type Fields = Extract<
  Parameters<typeof inputRequired.elicit>[0]['requestedSchema'],
  { type: 'object' }
>['properties'];

function form(message: string, properties: Fields): InputRequest {
  return inputRequired.elicit({ message, requestedSchema: { type: 'object', properties } });
}

const RESPONSE: Fields = { response: { type: 'string', description: 'What the user says' } };

/** A default for each primitive type (SEP-1034). */
const DEFAULTS: Fields = {
  name: { type: 'string', default: 'John Doe' },
  age: { type: 'integer', default: 30 },
  score: { type: 'number', default: 95.5 },
  status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
  verified: { type: 'boolean', default: true },
};

/** Each way to write an enumeration (SEP-1330). */
const ENUMS: Fields = {
  untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
  titledSingle: { type: 'string', oneOf: titled('value1', 'value2', 'value3') },
  legacyEnum: {
    type: 'string',
    enum: ['opt1', 'opt2', 'opt3'],
    enumNames: ['Option One', 'Option Two', 'Option Three'],
  },
  untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2'] } },
  titledMulti: { type: 'array', items: { anyOf: titled('value1', 'value2') } },
};

function titled(...values: readonly string[]) {
  return values.map((value) => ({ const: value, title: `The option ${value}` }));
}
