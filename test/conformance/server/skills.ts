/** A catalog of skills (the extension of SEP-2640): two, so that its list has pages. */
import { memorySkillFiles, SkillsExtension } from '@modelcontextprotocol/server/ext/skills';

/** Loads it; it serves any number of servers. */
export function loadSkills(): Promise<SkillsExtension> {
  const files = memorySkillFiles({
    'greeting/SKILL.md': skill('greeting', 'Greets in the tone of the house', 'Be brief.'),
    'greeting/reference/TONE.md': '# Tone\n\nWarm, and to the point.\n',
    'parting/SKILL.md': skill('parting', 'Says goodbye', 'Be briefer.'),
  });
  return SkillsExtension.load(files, { pageSize: 1, strict: true });
}

function skill(name: string, description: string, body: string): string {
  return `---\nname: ${name}\ndescription: ${description}\n---\n\n${body}\n`;
}
