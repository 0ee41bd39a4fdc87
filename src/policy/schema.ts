import { z } from 'zod';

/** The shape of policy.yaml. `p2p_connectivity` and `threat_detection` are accepted as published. */

const patterns = z.array(z.string().min(1).max(512)).max(10_000);

/** RFC 6749 §3.3. */
const scopeToken = z
  .string()
  .max(256)
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, {
    error: 'a scope has printable ASCII without spaces, quotes and backslashes',
  });

const threatDetection = z.strictObject({
  block_downgrade_attempts: z
    .boolean()
    .optional()
    .meta({ description: 'Refuse a peer that suddenly offers weaker algorithms than before.' }),
  alert_on_latency_spike: z
    .boolean()
    .optional()
    .meta({ description: 'Alert when a peer’s handshake or round trip becomes unusually slow.' }),
});

const connectivity = z.strictObject({
  enforce_pqc: z
    .boolean()
    .optional()
    .meta({ description: 'Refuse every link without a quantum-safe key exchange. Default true.' }),
  allowed_algos: z
    .union([patterns.min(1), z.string().min(1)])
    .optional()
    .meta({ description: 'Algorithms that links may use, such as ML-KEM-768 and ML-DSA-65.' }),
  threat_detection: threatDetection.optional(),
});

const rule = z.strictObject({
  id: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_.-]{0,63}$/)
    .optional()
    .meta({ description: 'Name of the rule in records; its position when absent.' }),
  effect: z.enum(['allow', 'deny']).meta({ description: 'A deny wins over any allow.' }),
  principals: patterns.optional().meta({
    description:
      'Names, SPIFFE ids, or `issuer:name` of tokens, `*` for any characters. To allow, `*` alone is every identified caller, other patterns without a colon are for certificates, and callers without either must be named: `anonymous`. To deny, `*` is everybody. Default `*`.',
  }),
  scopes: z.array(scopeToken).min(1).max(64).optional().meta({
    description: 'The rule is for callers alone whose access tokens have all of these scopes.',
  }),
  servers: patterns.optional().meta({ description: 'Server names. Default: all.' }),
  tools: patterns.optional().meta({ description: 'Tool names.' }),
  resources: patterns.optional().meta({ description: 'Resource URIs.' }),
  prompts: patterns.optional().meta({ description: 'Prompt names.' }),
  methods: patterns.optional().meta({
    description:
      'JSON-RPC methods beyond the core protocol: tasks/*, and those of extensions, which no rule covers unless it names them here.',
  }),
});

/** One rule as written. */
export type RuleYaml = z.infer<typeof rule>;

export const policySchema = z.strictObject({
  version: z.literal(1).optional().meta({ description: 'Format of this file.' }),
  p2p_connectivity: connectivity.optional(),
  threat_detection: threatDetection.optional(),
  rules: z
    .array(rule)
    .max(10_000)
    .optional()
    .meta({ description: 'Who may use what. Without a matching allow rule the answer is deny.' }),
});

/** A whole policy as written. */
export type PolicyYaml = z.infer<typeof policySchema>;
