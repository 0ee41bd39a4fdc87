/** Tools that need several rounds (2026-07-28, "Multi Round-Trip Requests"). */
import type { InputRequest, McpServer, ServerContext } from '@modelcontextprotocol/server';
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  inputRequired,
  inputResponse,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { says } from './content.ts';
import { sample } from './questions.ts';

/** Seals what the tool has to remember until the next round. */
type Seal = (value: string) => Promise<string>;

const NAME = z.object({ name: z.string() });
const COLOR = z.object({ color: z.string() });
const OK = z.object({ ok: z.boolean() });

const ASKS = { description: 'Answers when it has been answered' };

/** Registers them. */
export function addRounds(server: McpServer, seal: Seal): void {
  addSingleRounds(server);
  addStates(server, seal);
  addSteps(server, seal);
  server.registerTool('test_input_required_result_capabilities', ASKS, (ctx) => {
    const answered = Object.keys(ctx.mcpReq.inputResponses ?? {});
    if (answered.length > 0) return says(`Received ${answered.join()}`);
    const inputRequests = askable(ctx);
    if (Object.keys(inputRequests).length === 0) return says('Nothing can be asked');
    return inputRequired({ inputRequests });
  });
}

function addSingleRounds(server: McpServer): void {
  server.registerTool('test_input_required_result_elicitation', ASKS, ({ mcpReq }) => {
    const answer = acceptedContent(mcpReq.inputResponses, 'user_name', NAME);
    if (answer !== undefined) return says(`Hello, ${answer.name}!`);
    return inputRequired({ inputRequests: { user_name: askName('What is your name?') } });
  });
  server.registerTool('test_input_required_result_sampling', ASKS, ({ mcpReq }) => {
    const answer = inputResponse(mcpReq.inputResponses, 'sample_request');
    if (answer.kind === 'sampling') return says(JSON.stringify(answer.result.content));
    const question = sample('What is the capital of France?');
    return inputRequired({ inputRequests: { sample_request: question } });
  });
  server.registerTool('test_input_required_result_list_roots', ASKS, ({ mcpReq }) => {
    const answer = inputResponse(mcpReq.inputResponses, 'roots_request');
    if (answer.kind === 'roots') return says(`Found ${answer.roots.length} root(s)`);
    return inputRequired({ inputRequests: { roots_request: inputRequired.listRoots() } });
  });
}

function addStates(server: McpServer, seal: Seal): void {
  for (const name of ['request_state', 'tampered_state']) {
    server.registerTool(`test_input_required_result_${name}`, ASKS, async ({ mcpReq }) => {
      const answer = acceptedContent(mcpReq.inputResponses, 'confirm', OK);
      if (answer?.ok === true && mcpReq.requestState<string>() === name) return says('state-ok');
      const confirm = inputRequired.elicit({ message: 'Please confirm', requestedSchema: OK });
      return inputRequired({ inputRequests: { confirm }, requestState: await seal(name) });
    });
  }
  server.registerTool('test_input_required_result_multiple_inputs', ASKS, async ({ mcpReq }) => {
    const keys = ['user_name', 'greeting', 'client_roots'];
    const kinds = keys.map((key) => inputResponse(mcpReq.inputResponses, key).kind);
    if (!kinds.includes('missing') && mcpReq.requestState<string>() === 'multiple') {
      return says(kinds.join());
    }
    const inputRequests = {
      user_name: askName('What is your name?'),
      greeting: sample('Generate a greeting'),
      client_roots: inputRequired.listRoots(),
    };
    return inputRequired({ inputRequests, requestState: await seal('multiple') });
  });
}

function addSteps(server: McpServer, seal: Seal): void {
  server.registerTool('test_input_required_result_multi_round', ASKS, async ({ mcpReq }) => {
    const state = mcpReq.requestState<string>();
    const first = acceptedContent(mcpReq.inputResponses, 'step1', NAME);
    if (state === 'step 1' && first !== undefined) {
      const message = 'Step 2: What is your favourite colour?';
      const step2 = inputRequired.elicit({ message, requestedSchema: COLOR });
      const requestState = await seal(`step 2 for ${first.name}`);
      return inputRequired({ inputRequests: { step2 }, requestState });
    }
    const second = acceptedContent(mcpReq.inputResponses, 'step2', COLOR);
    const name = state?.startsWith('step 2 for ') === true ? state.slice(11) : undefined;
    if (name !== undefined && second !== undefined) return says(`${name} likes ${second.color}`);
    const step1 = askName('Step 1: What is your name?');
    return inputRequired({ inputRequests: { step1 }, requestState: await seal('step 1') });
  });
}

function askName(message: string): InputRequest {
  return inputRequired.elicit({ message, requestedSchema: NAME });
}

function askable({ mcpReq }: ServerContext): Record<string, InputRequest> {
  const declared = mcpReq.envelope?.[CLIENT_CAPABILITIES_META_KEY as never] as
    { elicitation?: object; sampling?: object } | undefined;
  return {
    ...(declared?.elicitation === undefined ? {} : { elicit_input: askName('Your name?') }),
    ...(declared?.sampling === undefined ? {} : { sample_input: sample('Sample request') }),
  };
}
