import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { fixtureFactory } from './fixture.ts';

serveStdio(
  fixtureFactory({
    toolsChanged: (server) => server.sendToolListChanged(),
    promptsChanged: (server) => server.sendPromptListChanged(),
  }),
);
