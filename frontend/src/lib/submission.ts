/** Order of the studio, and the form with which it is submitted. */

import { download } from './api';
import { steers, type Recipe } from './commands';
import { isActive, recipeOfJob } from './job';
import type { Change, Job, Options, OptionsDocument, Size } from './types';

export type Source =
  /** File of this browser; `seen` is the server's version of it, if the browser cannot show the file upright. */
  | { kind: 'file'; file: File; seen?: Blob }
  | { kind: 'sample'; name: string; address: string }
  /** Learned style that the server keeps. */
  | { kind: 'learned'; id: string; address: string }
  /** Image of an earlier job: its content image (index null), or one of its `count` style images. */
  | { kind: 'job'; id: string; index: number | null; count: number; address: string };

export interface Picture {
  source: Source;
  name: string;
  /** URL of the image that is shown; null if the browser cannot show it. */
  url: string | null;
  size: Size | null;
  format: string | null;
  bytes: number | null;
  /** Facts of a film; null or missing for an image. */
  film?: FilmFacts | null;
}

export interface FilmFacts {
  seconds: number | null;
  /** Number of frames, as far as it is known before the server has read the film; null if unknown. */
  frames: number | null;
  /** Number of passes in which the film is painted. */
  passes: number;
}

export interface Style {
  id: number;
  picture: Picture;
  /** Weight of the style relative to the other styles; only their ratio counts. */
  blend: number;
  /** Mask where the style is applied; null: everywhere. */
  mask: Mask | null;
}

export interface Mask {
  /** PNG with the proportions of the content image; white marks the area. */
  file: Blob;
  url: string;
}

export interface Order {
  content: Picture;
  styles: Style[];
  /** Mask where more of the photo is kept; null: nowhere. */
  detailMap: Mask | null;
  preset: string;
  changes: Options;
  /** Steering changes and stop step from a recipe, to be repeated. */
  repeated?: Repeated | null;
}

export interface Repeated {
  changes: Change[];
  stopAfter: number | null;
}

type Fetch = (path: string) => Promise<Blob>;

/** Returns the form that submits an order. Raises Problem if an image of the server cannot be downloaded. */
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

/** Returns the query for an estimate: everything that the duration of `count` such orders depends on. */
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

/**
 * Returns whether a job can be painted again as a new job. A job that has started from a result cannot: the new job
 * would start elsewhere.
 */
export const canRepaint = (job: Job) => !isActive(job) && !job.learning && !job.pictures.initial;

/** Returns the form that repeats a job with its images and masks on the server and its options; `changes` override options. */
export function repaintForm(job: Job, document: OptionsDocument, changes: Options = {}): FormData {
  const form = new FormData();
  form.append('content_from', job.id);
  form.append('styles_from', job.id);
  if (job.pictures.masks.some(Boolean)) form.append('masks_from', job.id);
  if (job.pictures.detail_map) form.append('detail_map_from', job.id);
  const { preset, options } = recipeOfJob(job, document);
  addOptions(form, preset, { ...options, ...changes });
  addRepeated(form, { changes: job.changes, stopAfter: job.stop_after });
  addPasses(form, job.film?.passes);
  return form;
}

/** Share of all steps that are taken at the finest size, as in preset Best. */
const FINEST_SHARE = 0.4;

/**
 * Returns the longest side of a result at twice its size, in pixels; null if this server paints none so large, or if
 * the job has no result or is a film, a draft or a learning job.
 */
export function largerSize(job: Job, { limits }: OptionsDocument): number | null {
  if (!job.result || job.film || job.learning || job.options['total_iterations'] === 0) return null;
  const size = 2 * Math.max(...job.result.size);
  return size <= limits.max_size ? size : null;
}

/** Returns the form that continues a result at twice its size: at one scale, since smaller ones would repaint it. */
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

/** Adds only changed options: a model that is named, for example, must not be replaced by another. */
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

/** Adds samples, or all styles of one job, by name; a mixture is added as files, the only way to keep the order. */
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

/** Returns the file name under which the mask of this style can be saved. */
export function maskName({ picture }: Style): string {
  return `${fileName(picture).replace(/\.[^.]*$/, '')}-mask.png`;
}

/** Returns the file name under which the detail map can be saved. */
export const detailMapName = (content: Picture) => `${fileName(content).replace(/\.[^.]*$/, '')}-detail-map.png`;

/** Returns the file name of an image; the `name` of a sample is its title. */
const fileName = ({ source, name }: Picture) => (source.kind === 'sample' ? `${source.name}.jpg` : name);

/** Adds one mask for each style, in their order; an empty file stands for no mask. */
function addMasks(form: FormData, styles: Style[]): void {
  if (styles.every((style) => style.mask === null)) return;
  for (const style of styles) form.append('style_mask', style.mask?.file ?? new Blob([]), maskName(style));
}

/** Returns the changed options, with style_blend unless all styles have equal parts. */
export function optionsOf({ styles, changes }: Order): Options {
  const blends = styles.map((style) => style.blend);
  if (blends.every((blend) => blend === blends[0])) return changes;
  return { ...changes, style_blend: shares(blends) };
}

/** Converts weights to shares of 1, rounded to hundredths. */
export function shares(blends: number[]): number[] {
  const sum = blends.reduce((all, blend) => all + blend, 0);
  return blends.map((blend) => (sum === 0 ? 1 / blends.length : Math.round((blend / sum) * 100) / 100));
}

/** Returns the recipe for the commands that submit the same order. */
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
