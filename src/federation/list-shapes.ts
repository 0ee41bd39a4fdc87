import type { ItemKind } from './tool-set.ts';

/** How one of the lists is made up. */
export interface ListShape {
  readonly method: string;
  /** Key of the items in the result. */
  readonly items: string;
  /** Key of what names an item. */
  readonly name: 'name' | 'uri' | 'uriTemplate';
  readonly kind: ItemKind;
  /** The capability of servers that have it. */
  readonly capability: 'tools' | 'prompts' | 'resources';
}

const SHAPES: readonly ListShape[] = [
  { method: 'tools/list', items: 'tools', name: 'name', kind: 'tool', capability: 'tools' },
  { method: 'prompts/list', items: 'prompts', name: 'name', kind: 'prompt', capability: 'prompts' },
  {
    method: 'resources/list',
    items: 'resources',
    name: 'uri',
    kind: 'resource',
    capability: 'resources',
  },
  {
    method: 'resources/templates/list',
    items: 'resourceTemplates',
    name: 'uriTemplate',
    kind: 'resource',
    capability: 'resources',
  },
];

/** The shape of the list that a method asks for, `undefined` for other methods. */
export function listShapeOf(method: string): ListShape | undefined {
  return SHAPES.find((shape) => shape.method === method);
}
