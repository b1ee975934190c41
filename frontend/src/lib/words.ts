/** Words for what the schema of the options says. */

import { texts } from '../texts';
import { plainNumber } from './format';
import type { Field } from './options';
import type { Picture } from './submission';
import type { Need, OptionValue, Sample, StyleInfo } from './types';

/** The name of an option as people read it; of a new one that has no words yet, its own. */
export function labelOf(name: string): string {
  return texts.options.labels[name] ?? inWords(name);
}

/** A name of the program as words: style_weight is "Style weight". */
function inWords(name: string): string {
  const words = name.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A value of an option as people read it; one that has no words is written as it is. */
export function valueText(name: string, value: OptionValue): string {
  if (typeof value === 'number') return plainNumber(value);
  if (typeof value === 'boolean') return value ? texts.studio.expert.on : texts.studio.expert.off;
  if (Array.isArray(value)) return value.map(plainNumber).join(' : ');
  return texts.options.values[name]?.[value ?? ''] ?? value ?? '';
}

/** What an option does; the server's words where the page has none. */
export const helpOf = (field: Field) => texts.options.help[field.name] ?? field.help;

/** The unit of an option, in the page's words as well. */
export const unitOf = (field: Field) => texts.options.units[field.unit ?? ''] ?? field.unit;

/** The title of a sample. */
export const sampleTitle = (sample: Sample) => texts.samples.titles[sample.name] ?? sample.title;

/** The name of a style that was painted with: its file's, or the title of the sample. */
export const styleName = ({ name, sample }: StyleInfo) => (sample ? (texts.samples.titles[sample] ?? inWords(sample)) : name);

/** The name of a chosen picture: its file's, or the title of the sample. */
export const pictureName = ({ name, source }: Picture) =>
  (source.kind === 'sample' ? texts.samples.titles[source.name] : undefined) ?? name;

/** What a field accepts: "a whole number, at least 1, at most 8". */
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

/** "Flourish has no effect: it needs Style loss neighbors." */
export function noEffect(name: string, need: Need): string {
  const { noEffect: words } = texts.studio;
  if ('total_iterations' in need) return words.draft(labelOf(name));
  const needed = Object.entries(need).map(([other, values]) =>
    words.need(labelOf(other), values?.map((value) => valueText(other, value)) ?? null),
  );
  return words.needs(labelOf(name), needed);
}

type Group = keyof typeof texts.studio.expert.groups;

/** The fields in the groups that the server puts them in; what is in no group that has words comes last. */
export function grouped(fields: Field[]): { group: Group; fields: Field[] }[] {
  const names = Object.keys(texts.studio.expert.groups) as Group[];
  const groupOf = (field: Field) => names.find((group) => group === field.group) ?? 'other';
  return names
    .map((group) => ({ group, fields: fields.filter((field) => groupOf(field) === group) }))
    .filter(({ fields: some }) => some.length > 0);
}
