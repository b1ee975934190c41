/** Client of the HTTP API. Every failed request raises Problem. */

import { basePath } from './base';
import { hasCookies } from './store';
import type {
  ContentsView,
  EstimateView,
  FramesView,
  LearnedStylesView,
  Problem as ProblemDocument,
  SharesView,
  StylesView,
} from './openapi';
import type { Job, JobPage, LearnedStyle, OptionsDocument, RecipeDocument, Share, SharedPicture, Size, Status } from './types';

const ROOT = `${basePath()}api/v1`;

/**
 * Random secret of this page. It assigns the requests that are sent before the first cookie arrives to one visitor;
 * otherwise each response would set another cookie, and the jobs of all but the last one would be lost.
 */
const VISITOR = { 'X-Visitor': newKey() };

/** Error of a request, from the server's problem document; code `offline` if the server did not answer. */
export class Problem extends Error {
  constructor(
    readonly code: string,
    message = '',
    readonly status = 0,
    readonly field: string | null = null,
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(message);
    this.name = 'Problem';
  }

  static from(error: unknown): Problem {
    if (error instanceof Problem) return error;
    return new Problem('page_failed', error instanceof Error ? error.message : String(error));
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Codes of responses without a problem document, which come from a proxy or from the server before it reads a request. */
const CODES: Record<number, string> = { 413: 'too_large', 429: 'too_many_requests', 502: 'offline', 503: 'offline', 504: 'offline' };

/** Returns the Problem of a failed response; a proxy in between may answer without a problem document. */
export function problemOf(status: number, text: string, retryAfter: string | null): Problem {
  const body = (parse(text) ?? {}) as Partial<ProblemDocument>;
  const code = body.code ?? CODES[status] ?? 'internal_error';
  const seconds = body.retry_after_seconds ?? Number.parseFloat(retryAfter ?? '');
  return new Problem(
    code,
    body.detail ?? body.title ?? '',
    status,
    body.field ?? null,
    Number.isFinite(seconds) ? seconds : null,
  );
}

/** Returns the Problem of a request without a response. */
const lost = (signal: AbortSignal | null | undefined) => new Problem(signal?.aborted ? 'upload_stopped' : 'offline');

interface Init extends RequestInit {
  headers?: Record<string, string>;
}

async function send(path: string, init: Init = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: 'same-origin', ...init, headers: { ...VISITOR, ...init.headers } });
  } catch {
    throw lost(init.signal);
  }
  if (response.ok) return response;
  const text = await response.text().catch(() => '');
  throw problemOf(response.status, text, response.headers.get('Retry-After'));
}

async function get<T>(path: string, init?: Init): Promise<T> {
  return (await send(path, init)).json() as Promise<T>;
}

function post<T>(path: string, body?: unknown): Promise<T> {
  if (body === undefined) return get<T>(path, { method: 'POST' });
  return get<T>(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
}

const jobPath = (id: string) => `${ROOT}/jobs/${encodeURIComponent(id)}`;

let options: Promise<OptionsDocument> | undefined;

/** Fetches the options document once and caches it; a failed request is not cached. Raises Problem. */
export function getOptions(): Promise<OptionsDocument> {
  options ??= get<OptionsDocument>(`${ROOT}/options`).catch((error: unknown) => {
    options = undefined;
    throw error;
  });
  return options;
}

export const getStyles = async () => (await get<StylesView>(`${ROOT}/styles`)).styles;
export const getContents = async () => (await get<ContentsView>(`${ROOT}/contents`)).contents;

export interface JobsQuery {
  status?: Status | undefined;
  limit?: number | undefined;
  /** `next` of the previous page; the server accepts nothing else. */
  before?: string | undefined;
}

export function listJobs(query: JobsQuery = {}): Promise<JobPage> {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  return get<JobPage>(`${ROOT}/jobs?${search.toString()}`);
}

/** Lists the queued and the running jobs of this client, up to 100 of each. Raises Problem. */
export async function listUnfinished(): Promise<Job[]> {
  const pages = await Promise.all((['queued', 'running'] as const).map((status) => listJobs({ status, limit: 100 })));
  return pages.flatMap(({ jobs }) => jobs);
}

export const getJob = (id: string) => get<Job>(jobPath(id));
export const cancelJob = (id: string) => post<Job>(`${jobPath(id)}/cancel`);
export const retryJob = (id: string) => post<Job>(`${jobPath(id)}/retry`);
export const resumeJob = (id: string) => post<Job>(`${jobPath(id)}/resume`);
export const steerJob = (id: string, values: Record<string, number>) =>
  post<Job>(`${jobPath(id)}/steer`, values);
/** Returns the URL of a ZIP with the results of several jobs; commas separate the `ids`. */
export const archiveOf = (ids: string) => `${ROOT}/archive?jobs=${ids}`;
export const eventsPath = (id: string) => `${jobPath(id)}/events`;

export async function deleteJob(id: string): Promise<void> {
  await send(jobPath(id), { method: 'DELETE', keepalive: true });
}

export const getFrames = async (job: Job) => (await get<FramesView>(job.links.frames)).frames;

export const share = (id: string, days: number) => post<Share>(`${jobPath(id)}/shares`, { days });
export const getShares = async (id: string) =>
  (await get<SharesView>(`${jobPath(id)}/shares`)).shares;

export async function unshare(id: string, shareId: string): Promise<void> {
  await send(`${jobPath(id)}/shares/${encodeURIComponent(shareId)}`, { method: 'DELETE' });
}

export const getShared = (token: string) =>
  get<SharedPicture>(`${ROOT}/shared/${encodeURIComponent(token)}`);

/** Returns the estimated duration in words; null if the server has not measured a comparable job. */
export async function getEstimate(query: URLSearchParams): Promise<string | null> {
  return (await get<EstimateView>(`${ROOT}/estimate?${query.toString()}`)).text;
}

/** Returns the recipe embedded in a finished image; null if it contains none. Raises Problem. */
export async function readRecipe(picture: Blob): Promise<RecipeDocument | null> {
  const form = new FormData();
  form.append('image', picture);
  try {
    return await get<RecipeDocument>(`${ROOT}/recipe`, { method: 'POST', body: form });
  } catch (error) {
    if (error instanceof Problem && (error.status === 422 || error.status === 415)) return null;
    throw error;
  }
}

/** Returns a small upright version of an image, as it will be painted, and the size of the whole image in pixels. */
export async function seeUpright(picture: Blob): Promise<{ picture: Blob; size: Size | null }> {
  const response = await sendToUpright(picture);
  const [width, height] = (response.headers.get('X-Picture-Size') ?? '').split('x').map(Number);
  return { picture: await response.blob(), size: width && height ? [width, height] : null };
}

/** Returns an upright version of an image in full size. Raises Problem. */
export const turnUpright = async (picture: Blob) => (await sendToUpright(picture, '?whole=1')).blob();

function sendToUpright(picture: Blob, query = ''): Promise<Response> {
  const form = new FormData();
  form.append('image', picture);
  return send(`${ROOT}/upright${query}`, { method: 'POST', body: form });
}

const stylePath = (id: string) => `${ROOT}/learned-styles/${encodeURIComponent(id)}`;

export const getLearnedStyles = async () =>
  (await get<LearnedStylesView>(`${ROOT}/learned-styles`)).learned_styles;

/**
 * Raises Problem if this form must not be sent: if cookies are blocked, what it creates would have no owner, and the
 * server refuses a form that is too large only when all of it has been uploaded.
 */
async function check(form: FormData): Promise<void> {
  if (!hasCookies()) throw new Problem('cookies_blocked');
  const { limits } = await getOptions();
  const bytes = [...form.values()].reduce((sum, value) => sum + (value instanceof Blob ? value.size : 0), 0);
  if (bytes > limits.max_upload_bytes) throw new Problem('too_large');
}

/** Uploads a learned style. Raises Problem. */
export async function addLearnedStyle(file: File): Promise<LearnedStyle> {
  const form = new FormData();
  form.append('file', file, file.name);
  await check(form);
  return get<LearnedStyle>(`${ROOT}/learned-styles`, { method: 'POST', body: form });
}

/** Submits a job that learns a style. The same key never creates a second job. */
export async function learnStyle(form: FormData, key: string): Promise<Job> {
  await check(form);
  return get<Job>(`${ROOT}/learning`, { method: 'POST', headers: { 'Idempotency-Key': key }, body: form });
}

export function renameLearnedStyle(id: string, name: string): Promise<LearnedStyle> {
  return get<LearnedStyle>(stylePath(id), {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name }),
  });
}

export async function deleteLearnedStyle(id: string): Promise<void> {
  await send(stylePath(id), { method: 'DELETE' });
}

export async function download(path: string, signal?: AbortSignal): Promise<Blob> {
  const response = await send(path, { signal: signal ?? null });
  return response.blob().catch(() => {
    throw lost(signal);
  });
}

/** Returns a random 128-bit key. crypto.randomUUID exists on secure pages only; http://machine:8000 is not one. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}

/**
 * Submits a job. The same key never creates a second job, so the request may be repeated after a failure.
 * It uses XMLHttpRequest, because fetch reports no upload progress. Raises Problem.
 */
export async function submitJob(
  form: FormData,
  key: string,
  onUpload: (share: number) => void,
  signal: AbortSignal,
): Promise<Job> {
  await check(form);
  if (signal.aborted) throw lost(signal);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', `${ROOT}/jobs`);
    for (const [name, value] of Object.entries({ ...VISITOR, 'Idempotency-Key': key })) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onUpload(event.loaded / event.total);
    };
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve(parse(request.responseText) as Job);
      else reject(problemOf(request.status, request.responseText, request.getResponseHeader('Retry-After')));
    };
    request.onerror = () => {
      reject(new Problem('offline'));
    };
    request.onabort = () => {
      reject(new Problem('upload_stopped'));
    };
    signal.addEventListener('abort', () => {
      request.abort();
    });
    request.send(form);
  });
}
