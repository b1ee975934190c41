/** Functions that derive from a job what the page shows. */

import type { Recipe } from './commands';
import { changesFrom, nearestPreset } from './options';
import type { Change, Job, Options, OptionsDocument, PictureInfo } from './types';

export const isActive = (job: Job) => job.status === 'queued' || job.status === 'running';

/** Adds a version to the URL of an image, so that the URL changes when the image does. */
export function versioned(url: string, version: number | string): string {
  return `${url}${url.includes('?') ? '&' : '?'}v=${version}`;
}

export const thumb = (url: string) => `${url}${url.includes('?') ? '&' : '?'}thumb=1`;

/** Returns the URL of the newest image of a job: its result, else its preview; null if it has neither yet. */
export function newestPicture(job: Job): string | null {
  return job.links.result ?? previewOf(job);
}

/** Returns the URL of the newest preview of a job, also of one that has ended; null if there is none. */
export function previewOf(job: Job): string | null {
  const step = job.progress?.preview_step ?? null;
  return job.links.preview && step !== null ? versioned(job.links.preview, `${job.attempt}.${step}`) : null;
}

const SHOWN_FORMATS = ['JPEG', 'PNG', 'WEBP', 'GIF', 'AVIF', 'BMP'];

/** Returns a URL that the browser can show: the image, or the server's thumbnail if the browser lacks the format. */
export function shown(address: string, format: string): string {
  return SHOWN_FORMATS.includes(format.toUpperCase()) ? address : thumb(address);
}

export const photoOf = (job: Job) => shown(job.links.content, job.pictures.content.format);

export function thumbOf(job: Job): string {
  return thumb(newestPicture(job) ?? job.links.content);
}

/** Returns the painting time in seconds; null if the job has no start time or no end time. */
export function paintingTime(job: Job): number | null {
  if (!job.started_at || !job.completed_at) return null;
  return (Date.parse(job.completed_at) - Date.parse(job.started_at)) / 1000;
}

/** Returns the steering changes known so far; those of a running job are in its latest progress. */
export const changesOf = (job: Job): Change[] => (job.result ?? job.progress ?? job).changes;

/** Returns the options that a job was painted with; `model` is the network that was used. */
export function usedOptions(job: Job): Options {
  return job.result ? { ...job.options, model: job.result.model } : job.options;
}

/** Returns the recipe of the command that paints the same image: with all steering changes, up to the last step. */
export function commandOfJob(job: Job, document: OptionsDocument): Recipe {
  const preset = job.preset ?? nearestPreset(document, job.options);
  return {
    ...recipeOfJob(job, document),
    options: changesFrom(document, preset, usedOptions(job)),
    changes: changesOf(job),
    stopAfter: job.result ? job.result.stopped_after : job.stop_after,
  };
}

/** Returns the recipe of a job with the same images and masks. */
export function recipeOfJob(job: Job, document: OptionsDocument): Recipe & { preset: string } {
  const preset = job.preset ?? nearestPreset(document, job.options);
  const { content, styles, masks, detail_map, initial } = job.pictures;
  return {
    content: named(content),
    styles: styles.map((style, index) => ({ ...named(style), mask: masks[index]?.name })),
    detailMap: detail_map?.name,
    initial: initial?.name,
    preset,
    options: changesFrom(document, preset, job.options),
  };
}

const named = ({ name, sample }: Pick<PictureInfo, 'name' | 'sample'>) => ({ name, sample: sample ?? undefined });
