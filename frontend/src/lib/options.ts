/** Form fields, made from the JSON schema of the options, so that a new option needs no new code. */

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
  /** Whether the bounds themselves are excluded: `above` for `least`, `below` for `most`. */
  above: boolean;
  below: boolean;
}

export interface ChoiceField extends Common {
  kind: 'choice';
  choices: string[];
}

export interface TextField extends Common {
  kind: 'text';
  /** Regular expression that the text must match; null allows any text. */
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
  // The schema of an option that may be omitted is "anyOf: [its type, null]".
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

/** Parses the typed text of a field; null if the value is not allowed. An empty text means the default. */
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

/** Returns every option with its value: the defaults, overridden by the preset, overridden by the changes. */
export function inForce(document: OptionsDocument, preset: string, changes: Options): Options {
  const properties = Object.entries(document.schema.properties);
  const defaults = Object.fromEntries(properties.map(([name, { default: value }]) => [name, value ?? null]));
  return { ...defaults, ...document.presets[preset], ...changes };
}

/** Returns the first unmet need of an option with these options; null if the option has an effect. */
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

/** Returns the options whose values differ from the preset's; unknown options are omitted. */
export function changesFrom(document: OptionsDocument, preset: string, options: Options): Options {
  const start = inForce(document, preset, {});
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => name in start && !same(value, start[name])),
  );
}

/** Returns the preset that needs the fewest changes to give these options. */
export function nearestPreset(document: OptionsDocument, options: Options): string {
  const distance = (preset: string) => Object.keys(changesFrom(document, preset, options)).length;
  const presets = Object.keys(document.presets);
  return presets.reduce(
    (best, preset) => (distance(preset) < distance(best) ? preset : best),
    presets[0] ?? document.default_preset,
  );
}
