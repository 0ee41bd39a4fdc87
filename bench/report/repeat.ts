/** The sections of the document that no run changes. */
export const REPEAT = `## Repeat it

\`\`\`sh
npm ci
npm run bench                               # everything, about fifty minutes; rewrites this page
npm run bench -- --quick                    # one short round, to see that it runs
npm run bench -- --case nginx --case postern-pq
npm run bench -- --case nginx --case postern-pq --publish   # rewrites these rows of the page
npm run bench -- --help
\`\`\`

It needs Linux and runs on the Node.js of the package \`node\` among the dependencies. nginx and haproxy
are measured where they are installed (Debian: \`apt install nginx-light haproxy\`). supergateway binds
every interface, so it runs in a network namespace of its own, or not at all where that is not
permitted. Each run leaves its raw results in \`bench/results/\`; those that this page was made of are
\`bench/results/published.json\`.

agentgateway and ContextForge are measured where \`agentgateway\` and \`mcpgateway\` are commands
(\`pip install mcp-contextforge-gateway\`); each is configured for the same upstream.

## Compare another gateway

\`\`\`sh
npm run bench -- --peer theirs=http://127.0.0.1:3000/mcp,pid=4711
npm run bench -- --peer theirs=https://gateway.test/mcp,cgroup=/sys/fs/cgroup/system.slice/theirs.service \\
  --ca ca.pem --header @credentials.txt --tool bench-echo
\`\`\`

The benchmark starts its upstream at \`http://127.0.0.1:9100/mcp\` (\`--upstream-port\`) and waits until the
gateway, which you have told to forward there, answers calls of the upstream's tool \`echo\` (\`--tool\`, if
the gateway renames it). Then both it and Postern get the same load in the same rounds. CPU time is
counted by process or cgroup; without either, and for gateways on other machines, there are latencies and
rates alone. Put the gateway on the core that the benchmark names (\`taskset\`), or CPU time does not
compare. An \`https:\` peer is compared with Postern's PQ TLS on both hops; the peer's own upstream is
plain.

## Profile a case

\`\`\`sh
npm run profile                             # postern-pq-durable
npm run profile -- --case stdio-postern --out somewhere
\`\`\`

It measures the case twice, without and with V8's sampling profiler, prints CPU time per stage of a call
and the costliest functions, and writes a flame graph (one SVG file for a browser; a click widens a
frame) and the \`.cpuprofile\` it was made of, which the developer tools of browsers open too.

## How it is measured

- The subject has a core of its own, the load generator another; the upstream has a third where there
  is one, else it shares the generator's. Without \`taskset\` nothing is pinned.
- The generator speaks HTTP/1.1 over plain sockets. It offers one TLS group, verifies the server's
  certificate, and ends the run if the link is not the one that the table names. It compares every byte
  of every answer with what the call's own number demands; the bare server puts that number into its
  answer's text.
- Saturation: closed loop, one call in flight per connection, after a warm-up of at least twelve
  seconds and 20,000 calls (or 24 seconds), since V8 goes on compiling a program for about that long.
  CPU time is that of the subject's processes over the window, from
  \`/proc\`, user and kernel, with every thread; a stdio server is counted apart.
- Latency: open loop at half of that rate. A thread that does nothing else says when a call is due, and
  its latency counts from then, however late it could be sent (no coordinated omission).
  "Undisturbed" leaves out the calls that were due shortly before, during or shortly after time that the
  hypervisor took from a core, as \`/proc/stat\` tells eighty times a second; no other stall is left out.
- A probe on the subject's core times a fixed piece of work ten times a second: the notes say how much
  the core's speed changed.
- Peak RSS is the kernel's high-water mark of the subject and its helpers, after both.`;
