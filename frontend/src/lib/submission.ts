/** What is on the table of the studio, as the form that the server takes. */

import { download } from './api';
import { steers, type Recipe } from './commands';
import { recipeOfJob } from './job';
import type { Change, Job, Options, OptionsDocument, Size } from './types';

export type Source =
  /** `seen` is how the server sees it, where the browser does not show it, or not upright. */
  | { kind: 'file'; file: File; seen?: Blob }
  | { kind: 'sample'; name: string; address: string }
  /** A learned style that the server keeps. */
  | { kind: 'learned'; id: string; address: string }
  /** A picture of an earlier job: its content (index null), or one of `count` styles. */
  | { kind: 'job'; id: string; index: number | null; count: number; address: string };

export interface Picture {
  source: Source;
  name: string;
  /** Of what is shown; null where the browser cannot show it. */
  url: string | null;
  size: Size | null;
  format: string | null;
  bytes: number | null;
  /** Set if it is a film. */
  film?: FilmFacts | null;
}

export interface FilmFacts {
  seconds: number | null;
  /** As far as it is known before the server has read it. */
  frames: number | null;
  /** How often it is painted. */
  passes: number;
}

export interface Style {
  id: number;
  picture: Picture;
  /** Its part beside the other styles; only their ratio counts. */
  blend: number;
  /** Where the style is applied; null: everywhere. */
  mask: Mask | null;
}

export interface Mask {
  /** PNG with the proportions of the content picture; white is the area. */
  file: Blob;
  url: string;
}

export interface Order {
  content: Picture;
  styles: Style[];
  /** Where more of the photo is kept. */
  detailMap: Mask | null;
  preset: string;
  changes: Options;
  /** What a recipe recorded, to be repeated. */
  repeated?: Repeated | null;
}

export interface Repeated {
  changes: Change[];
  stopAfter: number | null;
}

type Fetch = (path: string) => Promise<Blob>;

/** Raises Problem if a picture that the server has cannot be fetched. */
export async function formOf(order: Order, fetchPicture: Fetch = download): Promise<FormData> {
  const form = new FormData();
  addContent(form, order.content);
  await addStyles(form, order.styles, fetchPicture);
  addMasks(form, order.styles);
  if (order.detailMap) form.append('detail_map', order.detailMap.file, 'detail-map.png');
  addOptions(form, order.preset, optionsOf(order));
  addRepeated(form, order.repeated ?? null);
  addPasses(form, order.content.film?.passes);
  return form;
}

function addPasses(form: FormData, passes = 1): void {
  if (passes > 1) form.append('passes', String(passes));
}

function addRepeated(form: FormData, repeated: Repeated | null): void {
  for (const text of steers(repeated?.changes ?? [])) form.append('steer', text);
  if (repeated?.stopAfter) form.append('stop_after', String(repeated.stopAfter));
}

/** What the time of this many such orders depends on, as the query that the server takes. */
export function estimateQuery(order: Order, count = 1): URLSearchParams {
  const { source, size, film } = order.content;
  const given = Object.entries(optionsOf(order)).filter(([, value]) => value !== null);
  return new URLSearchParams([
    ['preset', order.preset],
    ...given.map(([name, value]) => [name, String(value)]),
    ...(source.kind === 'sample' ? [['sample_content', source.name]] : []),
    ...(source.kind !== 'sample' && size
      ? [
          ['width', String(size[0])],
          ['height', String(size[1])],
        ]
      : []),
    ...(film
      ? [
          ['frames', String(film.frames ?? 1)],
          ['passes', String(film.passes)],
        ]
      : []),
    ...(count > 1 ? [['jobs', String(count)]] : []),
  ]);
}

/** A job again, with the pictures that the server has and what was chosen for it; `changes` replace some of that. */
export function repaintForm(job: Job, document: OptionsDocument, changes: Options = {}): FormData {
  const form = new FormData();
  form.append('content_from', job.id);
  form.append('styles_from', job.id);
  if (job.pictures.detail_map) form.append('detail_map_from', job.id);
  const { preset, options } = recipeOfJob(job, document);
  addOptions(form, preset, { ...options, ...changes });
  addRepeated(form, { changes: job.changes, stopAfter: job.stop_after });
  addPasses(form, job.film?.passes);
  return form;
}

/** Steps at the finest size of all steps, as in preset Best. */
const FINEST_SHARE = 0.4;

/** Longest side of a result that is twice as large; null where this server paints none so large, or a draft. */
export function largerSize(job: Job, { limits }: OptionsDocument): number | null {
  if (!job.result || job.film || job.learning || job.options['total_iterations'] === 0) return null;
  const size = 2 * Math.max(...job.result.size);
  return size <= limits.max_size ? size : null;
}

/** The result of a job painted on at twice its size: at that size alone, since smaller ones would repaint it. */
export function largerForm(job: Job, document: OptionsDocument): FormData {
  const total_iterations = Math.ceil(FINEST_SHARE * Number(job.options['total_iterations']));
  const form = repaintForm({ ...job, changes: [], stop_after: null }, document, {
    size: largerSize(job, document),
    scales: 1,
    total_iterations,
  });
  form.append('initial_from', job.id);
  return form;
}

/** Only what was changed: a model that is named, for example, must not be replaced by another. */
function addOptions(form: FormData, preset: string, changes: Options): void {
  form.append('preset', preset);
  for (const [name, value] of Object.entries(changes)) {
    if (value !== null) form.append(name, String(value));
  }
}

function addContent(form: FormData, { source, name }: Picture): void {
  if (source.kind === 'file') form.append('content_image', source.file, name);
  else if (source.kind === 'sample') form.append('sample_content', source.name);
  else form.append('content_from', source.id);
}

/** Samples, or all styles of one job, are named; a mixture goes as files, which alone keeps the order. */
async function addStyles(form: FormData, styles: Style[], fetchPicture: Fetch): Promise<void> {
  const sources = styles.map((style) => style.picture.source);
  const [first] = sources;
  if (first?.kind === 'learned') {
    form.append('learned_style', first.id);
    return;
  }
  const job = commonJob(sources);
  if (job !== null) {
    form.append('styles_from', job);
  } else if (sources.every((source) => source.kind === 'sample')) {
    for (const source of sources) form.append('sample_style', source.name);
  } else {
    for (const { picture } of styles) {
      form.append('style_image', await fileOf(picture, fetchPicture), fileName(picture));
    }
  }
}

function commonJob(sources: Source[]): string | null {
  const [first] = sources;
  if (first?.kind !== 'job' || first.count !== sources.length) return null;
  const complete = sources.every(
    (source, index) => source.kind === 'job' && source.id === first.id && source.index === index,
  );
  return complete ? first.id : null;
}

async function fileOf({ source }: Picture, fetchPicture: Fetch): Promise<Blob> {
  return source.kind === 'file' ? source.file : fetchPicture(source.address);
}

/** Of the file that the mask of this style can be saved as. */
export function maskName({ picture }: Style): string {
  return `${fileName(picture).replace(/\.[^.]*$/, '')}-mask.png`;
}

/** Of the file that the area to keep can be saved as. */
export const detailMapName = (content: Picture) => `${fileName(content).replace(/\.[^.]*$/, '')}-detail-map.png`;

/** Samples are shown by their title. */
const fileName = ({ source, name }: Picture) => (source.kind === 'sample' ? `${source.name}.jpg` : name);

/** One for each style, in their order; an empty file is no mask. */
function addMasks(form: FormData, styles: Style[]): void {
  if (styles.every((style) => style.mask === null)) return;
  for (const { mask } of styles) form.append('style_mask', mask?.file ?? new Blob([]), 'mask.png');
}

/** The changes, and how several styles are blended unless it is in equal parts. */
export function optionsOf({ styles, changes }: Order): Options {
  const blends = styles.map((style) => style.blend);
  if (blends.every((blend) => blend === blends[0])) return changes;
  return { ...changes, style_blend: shares(blends) };
}

/** Parts of 1, in hundredths. */
export function shares(blends: number[]): number[] {
  const sum = blends.reduce((all, blend) => all + blend, 0);
  return blends.map((blend) => (sum === 0 ? 1 / blends.length : Math.round((blend / sum) * 100) / 100));
}

/** For the commands that do the same. */
export function recipeOf(order: Order): Recipe {
  const named = ({ source, name }: Picture) => ({
    name,
    sample: source.kind === 'sample' ? source.name : undefined,
  });
  return {
    content: named(order.content),
    styles: order.styles.map((style) => ({
      ...named(style.picture),
      mask: style.mask ? maskName(style) : undefined,
    })),
    detailMap: order.detailMap ? detailMapName(order.content) : undefined,
    preset: order.preset,
    options: optionsOf(order),
    changes: order.repeated?.changes ?? [],
    stopAfter: order.repeated?.stopAfter ?? null,
  };
}
