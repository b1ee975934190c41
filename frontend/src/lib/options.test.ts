import { describe, expect, it } from 'vitest';
import { DOCUMENT } from './fixtures';
import { changesFrom, fieldsOf, inForce, nearestPreset, unmetNeed, valueOf, type Field } from './options';
import { allowedOf, grouped, labelOf, noEffect } from './words';

const fields = fieldsOf(DOCUMENT);
const field = (name: string) => fields.find((one) => one.name === name) as Field;

describe('fields from the schema', () => {
  it('has one for every option, in the order of the schema', () => {
    expect(fields.map(({ name }) => name)).toEqual(Object.keys(DOCUMENT.schema.properties));
  });

  it('reads kind, bounds, unit and help', () => {
    expect(field('size')).toEqual({
      name: 'size',
      kind: 'number',
      whole: true,
      least: 32,
      most: 16_000,
      above: false,
      below: false,
      help: 'Longest side.',
      unit: 'pixels',
      group: 'picture',
      default: 512,
    });
    expect(field('color')).toMatchObject({ kind: 'choice', choices: ['style', 'match', 'luminance'] });
    expect(field('average').kind).toBe('switch');
    expect(field('style_blend').kind).toBe('list');
    expect(field('style_layers')).toMatchObject({ kind: 'text', examples: ['classic', 'dense', 'relu1_1=2,relu4_1'] });
  });

  it('understands an option that may be left out', () => {
    expect(field('brand_new')).toMatchObject({ kind: 'number', least: 0, default: null });
  });

  it('says what is allowed', () => {
    expect(allowedOf(field('size'))).toBe('a whole number, at least 32, at most 16 000');
    expect(allowedOf(field('learning_rate'))).toBe('a number, more than 0');
    expect(allowedOf(field('convergence_tolerance'))).toBe('a number, at least 0, less than 1');
    expect(allowedOf(field('style_layers'))).toBe('a value like classic or dense or relu1_1=2,relu4_1');
    expect(allowedOf(field('color'))).toBe('one of Style’s, Matched, Photo’s');
  });

  it('puts each into the group that the server names, and others into the last', () => {
    const groups = grouped(fields);
    expect(groups.slice(0, 2).map(({ group, fields: some }) => [group, some.map(({ name }) => name)])).toEqual([
      ['picture', ['size']],
      ['balance', ['content_weight']],
    ]);
    expect(groups.flatMap(({ fields: some }) => some)).toHaveLength(fields.length);
    expect(groups.at(-1)?.group).toBe('other');
    expect(groups.at(-1)?.fields.map(({ name }) => name)).toContain('brand_new');
    expect(labelOf('brand_new')).toBe('Brand new');
  });
});

describe('what was typed', () => {
  it.each([
    ['size', '800', 800],
    ['size', '16 000', 16_000],
    ['size', '31', null],
    ['size', '16001', null],
    ['size', '99.5', null],
    ['size', 'large', null],
    ['size', '', 512],
    ['content_weight', '1e5', 1e5],
    ['content_weight', 'Infinity', null],
    ['learning_rate', '0', null],
    ['learning_rate', '0.1', 0.1],
    ['convergence_tolerance', '1', null],
    ['color', 'match', 'match'],
    ['color', 'pink', null],
    ['average', 'true', true],
    ['style_blend', '0.7, 0.3', [0.7, 0.3]],
    ['style_blend', 'half', null],
    ['style_layers', 'dense', 'dense'],
    ['style_layers', ' relu1_1 = 2, relu3_1', 'relu1_1=2,relu3_1'],
    ['style_layers', 'relu1_1=-2', null],
    ['style_layers', 'all', null],
    ['style_layers', '', 'classic'],
  ])('%s: %s', (name, text, value) => {
    expect(valueOf(field(name), text)).toEqual(value);
  });
});

describe('presets and changes', () => {
  it('puts changes over the preset over the defaults', () => {
    const options = inForce(DOCUMENT, 'quality', { size: 800 });
    expect(options).toMatchObject({ size: 800, content_weight: 1.4e5, strength: 0.5 });
  });

  it('finds what an option lacks to have an effect', () => {
    const lacks = (preset: string, name: string) => unmetNeed(DOCUMENT, inForce(DOCUMENT, preset, {}), name);
    expect(lacks('quality', 'flourish')).toBeNull();
    expect(lacks('gram', 'flourish')).toEqual({ style_loss: ['neighbors'] });
    expect(lacks('draft', 'flourish')).toEqual({ total_iterations: null });
    expect(lacks('draft', 'size')).toBeNull();
  });

  it('says it in words', () => {
    expect(noEffect('seed', { init_method: ['random'], style_loss: ['gram', 'neighbors'] })).toBe(
      'Seed has no effect: it needs Start from Noise or Style loss Gram matrices or Nearest neighbours.',
    );
    expect(noEffect('strength', { content_weight: null })).toBe(
      'Strength has no effect: it needs Content weight above 0.',
    );
    expect(noEffect('strength', { total_iterations: null })).toBe('Strength has no effect on a draft or with a learned style.');
  });

  it('keeps only what the preset would not give', () => {
    expect(changesFrom(DOCUMENT, 'quality', { size: 512, content_weight: 1e5, unknown: 3 })).toEqual({
      content_weight: 1e5,
    });
  });

  it('finds the preset that needs the fewest changes', () => {
    expect(nearestPreset(DOCUMENT, { size: 700, content_weight: 1.4e5, total_iterations: 180 })).toBe('quality');
    expect(nearestPreset(DOCUMENT, { total_iterations: 0, content_weight: 1e5 })).toBe('draft');
    expect(nearestPreset(DOCUMENT, { content_weight: 1e5, total_iterations: 20_000 })).toBe('classic');
  });
});
