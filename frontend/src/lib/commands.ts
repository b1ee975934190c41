/** Commands that submit the same job: curl for the API, `nst stylize` for the command line. */

import type { Change, Options } from './types';

export interface CommandPicture {
  name: string;
  /** Name of a sample on the server; undefined for a file. */
  sample?: string | undefined;
}

export interface CommandStyle extends CommandPicture {
  /** File name of the mask where the style is applied; undefined applies it everywhere. */
  mask?: string | undefined;
}

export interface Recipe {
  content: CommandPicture;
  styles: CommandStyle[];
  /** File name of the detail map, which marks where more of the photo is kept. */
  detailMap?: string | undefined;
  /** File name of the initial image; undefined: init_method says where the transfer starts. */
  initial?: string | undefined;
  preset: string | null;
  /** Options that override the preset. */
  options: Options;
  /** Steering changes, each with its step. */
  changes?: Change[];
  /** Step after which the job stops; null: it is not stopped early. */
  stopAfter?: number | null;
}

/** Puts a text in single quotes if the shell would interpret it otherwise. */
export function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

const fileName = (picture: CommandPicture) => (picture.sample ? `sample:${picture.sample}` : picture.name);

function stem(name: string): string {
  return name.replace(/^(.*\/|sample:)/, '').replace(/\.[^.]*$/, '');
}

/** Returns changes in the format of the command line and the API: 40:strength=0.8. */
export function steers(changes: Change[]): string[] {
  return changes.map(({ step, values }) => {
    const assignments = Object.entries(values).map(([name, value]) => `${name}=${value}`);
    return `${step}:${assignments.join(',')}`;
  });
}

function given(options: Options): [name: string, value: string][] {
  return Object.entries(options)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => [name, String(value)]);
}

/** Returns the command for the API, without the initial image: the API accepts only the result of a job as that. */
export function curlCommand(recipe: Recipe, origin: string): string {
  const { content, styles, preset, options } = recipe;
  // The API accepts style images as samples or as files, not as both.
  const areSamples = styles.every((style) => style.sample);
  const masked = styles.some((style) => style.mask);
  const parts = [
    content.sample ? `sample_content=${content.sample}` : `content_image=@${curlFileName(content.name)}`,
    ...styles.map((style) =>
      areSamples ? `sample_style=${style.sample ?? ''}` : `style_image=@${curlFileName(sampleFile(style))}`,
    ),
    ...(masked ? styles.map(({ mask }) => `style_mask=@${curlFileName(mask ?? '/dev/null')}`) : []),
    ...(recipe.detailMap ? [`detail_map=@${curlFileName(recipe.detailMap)}`] : []),
    ...(preset ? [`preset=${preset}`] : []),
    ...given(options).map(([name, value]) => `${name}=${value}`),
    ...steers(recipe.changes ?? []).map((text) => `steer=${text}`),
    ...(recipe.stopAfter ? [`stop_after=${recipe.stopAfter}`] : []),
  ];
  return ['curl', ...parts.map((text) => `-F ${quote(text)}`), quote(`${origin}/api/v1/jobs`)].join(' \\\n  ');
}

/** Returns the file of a style that is sent as a file; a sample has one in the repository checkout. */
const sampleFile = (style: CommandStyle) => (style.sample ? `data/style/${style.sample}.jpg` : style.name);

/** Quotes a file name for curl, which interprets ; and , unless the name is in double quotes. */
function curlFileName(name: string): string {
  return /[;,"\\]/.test(name) ? `"${name.replaceAll(/["\\]/g, '\\$&')}"` : name;
}

export function cliCommand(recipe: Recipe): string {
  const content = fileName(recipe.content);
  const styles = recipe.styles.map(fileName);
  const output = [content, ...styles].map(stem).join('_') + '.png';
  const words = [
    'nst stylize',
    ...[content, ...styles].map(commandFileName),
    ...(recipe.styles.some((style) => style.mask)
      ? recipe.styles.map(({ mask }) => `--style-mask ${quote(mask ?? '-')}`)
      : []),
    ...(recipe.detailMap ? [`--detail-map ${quote(recipe.detailMap)}`] : []),
    ...(recipe.initial ? [`--init-image ${quote(recipe.initial)}`] : []),
    `-o ${quote(output)}`,
    ...(recipe.preset ? [`--preset ${recipe.preset}`] : []),
    ...given(recipe.options).map(([name, value]) => `--${name.replaceAll('_', '-')} ${quote(value)}`),
    ...steers(recipe.changes ?? []).map((text) => `--steer ${quote(text)}`),
    ...(recipe.stopAfter ? [`--stop-after ${recipe.stopAfter}`] : []),
  ];
  return words.join(' ');
}

/** Quotes a file name for the shell; ./ precedes a leading dash, which would be read as an option. */
function commandFileName(name: string): string {
  return quote(name.startsWith('-') ? `./${name}` : name);
}
