/** A server as failures speak of it. */
export interface ServerLabel {
  /** As in postern.yaml; `null` for a host that is no MCP server. */
  readonly name: string | null;
  /** Host and port. */
  readonly host: string;
}

/** What to do about a failure, and the command that shows what the server presents. */
export function adviceFor({ name }: ServerLabel, remedy: string): string {
  return name === null
    ? remedy
    : `${remedy} \`postern check --connect --server ${name}\` shows what the server presents.`;
}
