import type { Client } from '@modelcontextprotocol/client';
import { SkillsClient, SkillVerificationError } from '@modelcontextprotocol/client/ext/skills';

/** Lists the skills and, if it is to, loads each, unless it is not what the list says it is. */
export async function playSkills(client: Client, load: boolean): Promise<void> {
  const reader = new SkillsClient(client, { parseFrontmatter });
  const { skills } = await reader.list();
  if (!load) return;
  for (const skill of skills) {
    try {
      await reader.read(skill);
      await reader.read(skill, 'references/FORMS.md');
    } catch (error) {
      if (!(error instanceof SkillVerificationError)) throw error;
    }
  }
}

/** The suite writes no more than `key: value`. */
function parseFrontmatter(yaml: string): Record<string, unknown> {
  const lines = yaml.split('\n').filter((line) => line.includes(':'));
  return Object.fromEntries(lines.map((line) => line.split(': ', 2) as [string, string]));
}
