/** Prompts, one of each kind. */
import type { McpServer } from '@modelcontextprotocol/server';
import { acceptedContent, completable, inputRequired } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { embedded, image, text } from './content.ts';

const CONTEXT = z.object({ context: z.string() });

/** Registers them. */
export function addPrompts(server: McpServer): void {
  server.registerPrompt('test_simple_prompt', { description: 'No arguments' }, () =>
    says(text('This is a simple prompt for testing.')),
  );
  const arg1 = completable(z.string(), (start) =>
    ['testValue1', 'other'].filter((value) => value.startsWith(start)),
  );
  server.registerPrompt(
    'test_prompt_with_arguments',
    { description: 'Two arguments', argsSchema: z.object({ arg1, arg2: z.string() }) },
    (args) => says(text(`Prompt with arguments: arg1='${args.arg1}', arg2='${args.arg2}'`)),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'A resource', argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) =>
      says(
        embedded(resourceUri, 'text/plain', 'Embedded resource content for testing.'),
        text('Please process the embedded resource above.'),
      ),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'An image' }, () =>
    says(image(), text('Please analyze the image above.')),
  );
  server.registerPrompt('test_input_required_result_prompt', { description: 'Asks' }, (ctx) => {
    const answer = acceptedContent(ctx.mcpReq.inputResponses, 'user_context', CONTEXT);
    if (answer !== undefined) return says(text(`Prompt with context: ${answer.context}`));
    const message = 'What context should the prompt use?';
    const question = inputRequired.elicit({ message, requestedSchema: CONTEXT });
    return inputRequired({ inputRequests: { user_context: question } });
  });
}

type Block = ReturnType<typeof embedded> | ReturnType<typeof image> | ReturnType<typeof text>;

function says(...blocks: readonly Block[]) {
  return { messages: blocks.map((content) => ({ role: 'user' as const, content })) };
}
