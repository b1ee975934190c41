/** Fields of a form, made from the JSON schema of the options, so that a new option needs no new code. */

import { typedNumber } from './format';
import type { Need, OptionsDocument, Options, OptionValue, Property } from './types';

interface Common {
  name: string;
  help: string;
  unit: string | null;
  group: string | null;
  default: OptionValue;
}

export interface NumberField extends Common {
  kind: 'number';
  whole: boolean;
  least: number | null;
  most: number | null;
  /** Whether the bounds themselves are excluded. */
  above: boolean;
  below: boolean;
}

export interface ChoiceField extends Common {
  kind: 'choice';
  choices: string[];
}

export interface TextField extends Common {
  kind: 'text';
  /** Regular expression that the whole text matches. */
  pattern: string | null;
  examples: string[];
}

export interface OtherField<Kind> extends Common {
  kind: Kind;
}

export type Field = NumberField | ChoiceField | TextField | OtherField<'switch'> | OtherField<'list'>;

export function fieldsOf(document: OptionsDocument): Field[] {
  return Object.entries(document.schema.properties).map(([name, property]) => fieldOf(name, property));
}

function fieldOf(name: string, property: Property): Field {
  // An option that may be left out is "anyOf: [what it is, null]".
  const type = property.anyOf?.find((choice) => choice.type !== 'null') ?? property;
  const merged = { ...type, ...property };
  const common = {
    name,
    help: merged.description ?? '',
    unit: merged.unit ?? null,
    group: merged.group ?? null,
    default: merged.default ?? null,
  };
  if (type.enum) return { ...common, kind: 'choice', choices: type.enum };
  if (type.type === 'integer' || type.type === 'number') {
    return {
      ...common,
      kind: 'number',
      whole: type.type === 'integer',
      least: type.minimum ?? type.exclusiveMinimum ?? null,
      most: type.maximum ?? type.exclusiveMaximum ?? null,
      above: type.minimum === undefined && type.exclusiveMinimum !== undefined,
      below: type.maximum === undefined && type.exclusiveMaximum !== undefined,
    };
  }
  if (type.type === 'boolean') return { ...common, kind: 'switch' };
  if (type.type === 'array') return { ...common, kind: 'list' };
  return { ...common, kind: 'text', pattern: merged.pattern ?? null, examples: merged.examples ?? [] };
}

/** What somebody typed, as a value; null if it is not allowed. An empty field means the default. */
export function valueOf(field: Field, text: string): OptionValue {
  const trimmed = text.trim().replaceAll(' ', '');
  if (trimmed === '') return field.default;
  if (field.kind === 'choice') return field.choices.includes(trimmed) ? trimmed : null;
  if (field.kind === 'number') return numberOf(field, typedNumber(trimmed));
  if (field.kind === 'switch') return trimmed === 'true';
  if (field.kind === 'text') return textOf(field, text.trim());
  const numbers = trimmed.split(',').map(Number);
  return numbers.every(Number.isFinite) ? numbers : null;
}

function textOf(field: TextField, text: string): string | null {
  if (field.pattern === null) return text;
  const withoutSpaces = text.replaceAll(' ', '');
  return new RegExp(field.pattern).test(withoutSpaces) ? withoutSpaces : null;
}

function numberOf(field: NumberField, value: number): number | null {
  const { least, most, above, below } = field;
  if (!Number.isFinite(value) || (field.whole && !Number.isInteger(value))) return null;
  if (least !== null && (above ? value <= least : value < least)) return null;
  if (most !== null && (below ? value >= most : value > most)) return null;
  return value;
}

/** Every option with its value: the defaults, then the preset's, then what was changed. */
export function inForce(document: OptionsDocument, preset: string, changes: Options): Options {
  const properties = Object.entries(document.schema.properties);
  const defaults = Object.fromEntries(properties.map(([name, { default: value }]) => [name, value ?? null]));
  return { ...defaults, ...document.presets[preset], ...changes };
}

/** What an option lacks to have an effect with these options; null if it has one. */
export function unmetNeed(document: OptionsDocument, options: Options, name: string): Need | null {
  return (document.needs[name] ?? []).find((need) => !isMet(need, options)) ?? null;
}

function isMet(need: Need, options: Options): boolean {
  return Object.entries(need).some(([other, values]) =>
    values ? values.includes(String(options[other])) : Number(options[other]) > 0,
  );
}

const same = (one: OptionValue | undefined, other: OptionValue | undefined) =>
  JSON.stringify(one ?? null) === JSON.stringify(other ?? null);

/** Those of the options that the preset alone would not give; unknown ones are left out. */
export function changesFrom(document: OptionsDocument, preset: string, options: Options): Options {
  const start = inForce(document, preset, {});
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => name in start && !same(value, start[name])),
  );
}

/** The preset that these options are nearest to. */
export function nearestPreset(document: OptionsDocument, options: Options): string {
  const distance = (preset: string) => Object.keys(changesFrom(document, preset, options)).length;
  const presets = Object.keys(document.presets);
  return presets.reduce(
    (best, preset) => (distance(preset) < distance(best) ? preset : best),
    presets[0] ?? document.default_preset,
  );
}
