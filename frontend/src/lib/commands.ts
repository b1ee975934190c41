/** The same job as a command: curl for the API, `nst stylize` for the command line. */

import type { Change, Options } from './types';

export interface CommandPicture {
  name: string;
  /** A sample that the server has, by its name. */
  sample?: string | undefined;
}

export interface CommandStyle extends CommandPicture {
  /** Where it is applied: the name of a file. */
  mask?: string | undefined;
}

export interface Recipe {
  content: CommandPicture;
  styles: CommandStyle[];
  /** Where more of the photo is kept: the name of a file. */
  detailMap?: string | undefined;
  preset: string | null;
  /** What differs from the preset. */
  options: Options;
  /** What was steered, and at which step. */
  changes?: Change[];
  /** Step after which it stops. */
  stopAfter?: number | null;
}

/** In single quotes where the shell would read something else than the text. */
export function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

const fileName = (picture: CommandPicture) => (picture.sample ? `sample:${picture.sample}` : picture.name);

function stem(name: string): string {
  return name.replace(/^(.*\/|sample:)/, '').replace(/\.[^.]*$/, '');
}

/** As the command line and the API take them: 40:strength=0.8. */
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

export function curlCommand(recipe: Recipe, origin: string): string {
  const { content, styles, preset, options } = recipe;
  // The service takes samples or files, not both.
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

/** Beside files, a sample is one of the checkout's. */
const sampleFile = (style: CommandStyle) => (style.sample ? `data/style/${style.sample}.jpg` : style.name);

/** Curl reads ; and , in a file name as its own, unless it stands in double quotes. */
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
    `-o ${quote(output)}`,
    ...(recipe.preset ? [`--preset ${recipe.preset}`] : []),
    ...given(recipe.options).map(([name, value]) => `--${name.replaceAll('_', '-')} ${quote(value)}`),
    ...steers(recipe.changes ?? []).map((text) => `--steer ${quote(text)}`),
    ...(recipe.stopAfter ? [`--stop-after ${recipe.stopAfter}`] : []),
  ];
  return words.join(' ');
}

/** A name that begins with a dash would be read as an option. */
function commandFileName(name: string): string {
  return quote(name.startsWith('-') ? `./${name}` : name);
}
