import { ALLOW_ALL } from '../support/postern.ts';

/**
 * Everything for everybody over any link, also methods that no revision defines: those of extensions,
 * and unknown ones, which the server is to refuse.
 */
export const POLICY = {
  p2p_connectivity: { enforce_pqc: false },
  rules: [...ALLOW_ALL.rules, { effect: 'allow', principals: ['anonymous'], methods: ['**'] }],
};
