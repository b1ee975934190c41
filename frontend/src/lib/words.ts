/** Texts for options and their values, and for samples. */

import { texts } from '../texts';
import { plainNumber } from './format';
import type { Field } from './options';
import type { Picture } from './submission';
import type { Need, OptionValue, Sample, StyleInfo } from './types';

/** Returns the label of an option; a new option that has no text yet is labelled with its own name. */
export function labelOf(name: string): string {
  return texts.options.labels[name] ?? inWords(name);
}

/** Converts an identifier to words: style_weight becomes "Style weight". */
function inWords(name: string): string {
  const words = name.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Formats the value of an option for people; a value that has no text is returned as it is. */
export function valueText(name: string, value: OptionValue): string {
  // A rounded seed would paint another image, and four seeds in a row would look the same.
  if (name === 'seed') return String(value ?? '');
  if (typeof value === 'number') return plainNumber(value);
  if (typeof value === 'boolean') return value ? texts.studio.expert.on : texts.studio.expert.off;
  if (Array.isArray(value)) return value.map(plainNumber).join(' : ');
  return texts.options.values[name]?.[value ?? ''] ?? value ?? '';
}

/** Returns the help text of an option; the server's text if the page has none. */
export const helpOf = (field: Field) => texts.options.help[field.name] ?? field.help;

/** Returns the unit of an option; the server's unit if the page has none. */
export const unitOf = (field: Field) => texts.options.units[field.unit ?? ''] ?? field.unit;

/** Returns the title of a sample; the server's title if the page has none. */
export const sampleTitle = (sample: Sample) => texts.samples.titles[sample.name] ?? sample.title;

/** Returns the name of a job's style: its file name, or the title of the sample. */
export const styleName = ({ name, sample }: StyleInfo) => (sample ? (texts.samples.titles[sample] ?? inWords(sample)) : name);

/** Returns the name of a chosen image: its file name, or the title of the sample. */
export const pictureName = ({ name, source }: Picture) =>
  (source.kind === 'sample' ? texts.samples.titles[source.name] : undefined) ?? name;

/** Describes the values that a field accepts: "a whole number, at least 1, at most 8". */
export function allowedOf(field: Field): string {
  const { allowed } = texts.studio;
  if (field.kind === 'choice') return allowed.choices(field.choices.map((choice) => valueText(field.name, choice)));
  if (field.kind === 'list') return allowed.list;
  if (field.kind === 'text') return allowed.like(field.examples);
  if (field.kind !== 'number') return '';
  return [
    field.whole ? allowed.whole : allowed.number,
    field.least !== null && allowed.least(field.least, field.above),
    field.most !== null && allowed.most(field.most, field.below),
  ]
    .filter(Boolean)
    .join(', ');
}

/** Explains an unmet need: "Flourish has no effect: it needs Style loss Nearest neighbours." */
export function noEffect(name: string, need: Need): string {
  const { noEffect: words } = texts.studio;
  if ('total_iterations' in need) return words.draft(labelOf(name));
  const needed = Object.entries(need).map(([other, values]) =>
    words.need(labelOf(other), values?.map((value) => valueText(other, value)) ?? null),
  );
  return words.needs(labelOf(name), needed);
}

type Group = keyof typeof texts.studio.expert.groups;

/** Sorts fields into the groups that the server names; a field whose group has no text comes last, in `other`. */
export function grouped(fields: Field[]): { group: Group; fields: Field[] }[] {
  const names = Object.keys(texts.studio.expert.groups) as Group[];
  const groupOf = (field: Field) => names.find((group) => group === field.group) ?? 'other';
  return names
    .map((group) => ({ group, fields: fields.filter((field) => groupOf(field) === group) }))
    .filter(({ fields: some }) => some.length > 0);
}
