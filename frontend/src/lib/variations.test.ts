import { describe, expect, it } from 'vitest';
import { DOCUMENT } from './fixtures';
import { inForce } from './options';
import type { Order } from './submission';
import { variable, variationsOf, variedIn } from './variations';
import { valueText } from './words';

const order = { preset: 'quality', changes: { size: 256 } } as unknown as Order;
const document = {
  ...DOCUMENT,
  schema: { properties: { ...DOCUMENT.schema.properties, seed: { type: 'integer', default: 0 } } },
  needs: { ...DOCUMENT.needs, seed: [{ total_iterations: null }, { style_loss: ['neighbors'] }] },
};

describe('variations', () => {
  it('differ in strength alone', () => {
    const all = variationsOf(order, 'strength', 7).map(({ changes }) => changes);
    expect(all).toEqual([0.2, 0.4, 0.6, 0.8].map((strength) => ({ size: 256, strength })));
    expect(variedIn(all)).toBe('strength');
  });

  it('differ in the seed alone', () => {
    const all = variationsOf(order, 'seed', 7).map(({ changes }) => changes);
    expect(all.map(({ seed }) => seed)).toEqual([7, 8, 9, 10]);
    expect(variedIn(all)).toBe('seed');
    const large = variationsOf(order, 'seed', 2_025_681_233).map(({ changes }) => valueText('seed', changes['seed'] ?? null));
    expect(large).toEqual(['2025681233', '2025681234', '2025681235', '2025681236']);
  });

  it('are offered where they would differ', () => {
    expect(variable(document, inForce(document, 'quality', {}))).toEqual(['strength', 'seed']);
    expect(variable(document, inForce(document, 'gram', {}))).toEqual(['strength']);
    expect(variable(document, inForce(document, 'draft', {}))).toEqual([]);
  });
});
