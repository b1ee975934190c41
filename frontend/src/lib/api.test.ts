import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { getJob, listJobs, newKey, problemOf, Problem, readRecipe, submitJob } from './api';
import { job } from './fixtures';

const fetched = vi.fn<(path: string, init?: RequestInit) => Promise<Response>>();

beforeEach(() => {
  fetched.mockReset();
  vi.stubGlobal('fetch', fetched);
});

afterEach(() => {
  vi.unstubAllGlobals();
});

function answers(body: unknown, status = 200): void {
  fetched.mockImplementation(() => Promise.resolve(Response.json(body, { status })));
}

describe('problems', () => {
  it('reads the document of the server', async () => {
    answers({ code: 'invalid_option', detail: 'size: 3 is invalid', field: 'size' }, 422);
    await expect(getJob('1')).rejects.toMatchObject({
      code: 'invalid_option',
      message: 'size: 3 is invalid',
      status: 422,
      field: 'size',
    });
  });

  it('is offline when nobody answers', async () => {
    fetched.mockRejectedValue(new TypeError('Failed to fetch'));
    await expect(getJob('1')).rejects.toMatchObject({ code: 'offline' });
  });

  it.each([
    [502, '<html>Bad gateway</html>', 'offline'],
    [504, '', 'offline'],
    [500, 'oops', 'internal_error'],
    [503, '{"code": "queue_full", "retry_after_seconds": 7}', 'queue_full'],
  ])('%d with %j', (status, text, code) => {
    expect(problemOf(status, text, null).code).toBe(code);
  });

  it('knows how long to wait, from the body or the header', () => {
    expect(problemOf(503, '{"code": "queue_full", "retry_after_seconds": 7}', '9').retryAfterSeconds).toBe(7);
    expect(problemOf(429, '{}', '9').retryAfterSeconds).toBe(9);
    expect(problemOf(429, '{}', null).retryAfterSeconds).toBeNull();
  });
});

describe('requests', () => {
  it('leaves out what was not asked for', async () => {
    answers({ jobs: [], next: null });
    await listJobs({ status: 'failed', before: undefined, limit: 24 });
    expect(fetched.mock.calls[0]?.[0]).toBe('/api/v1/jobs?status=failed&limit=24');
  });

  it('cannot be led to another address by an id', async () => {
    answers(job());
    await getJob('../options');
    expect(fetched.mock.calls[0]?.[0]).toBe('/api/v1/jobs/..%2Foptions');
  });

  it('takes a picture without a recipe for just a picture', async () => {
    answers({ code: 'invalid_image' }, 422);
    expect(await readRecipe(new Blob())).toBeNull();
    answers({ code: 'internal_error' }, 500);
    await expect(readRecipe(new Blob())).rejects.toThrow(Problem);
  });
});

class Upload {
  static last: Upload;

  upload: { onprogress?: (event: ProgressEvent) => void } = {};
  headers: Record<string, string> = {};
  status = 0;
  responseText = '';
  retryAfter: string | null = null;
  onload?: () => void;
  onerror?: () => void;
  onabort?: () => void;

  constructor() {
    Upload.last = this;
  }

  open(): void {
    // Nothing is sent in a test.
  }

  send(): void {
    // Nothing is sent in a test.
  }

  setRequestHeader(name: string, value: string): void {
    this.headers[name] = value;
  }

  getResponseHeader(): string | null {
    return this.retryAfter;
  }

  abort(): void {
    this.onabort?.();
  }

  answer(status: number, body: unknown): void {
    this.status = status;
    this.responseText = JSON.stringify(body);
    this.onload?.();
  }
}

describe('submitJob', () => {
  const shares: number[] = [];
  let stop: AbortController;

  function submit() {
    vi.stubGlobal('XMLHttpRequest', Upload);
    stop = new AbortController();
    return submitJob(new FormData(), 'key', (share) => shares.push(share), stop.signal);
  }

  it('tells how much has gone, and gives the job', async () => {
    const submitted = submit();
    Upload.last.upload.onprogress?.({ lengthComputable: true, loaded: 1, total: 4 } as ProgressEvent);
    Upload.last.answer(202, job());
    expect((await submitted).id).toBe('1');
    expect(shares).toEqual([0.25]);
    expect(Upload.last.headers).toEqual({
      'Idempotency-Key': 'key',
      'X-Visitor': expect.stringMatching(/^[0-9a-f]{32}$/) as string,
    });
  });

  it('fails with the problem', async () => {
    const submitted = submit();
    Upload.last.answer(429, { code: 'too_many_requests', detail: 'wait' });
    await expect(submitted).rejects.toMatchObject({ code: 'too_many_requests', message: 'wait' });
  });

  it('can be stopped, and notices a cut line', async () => {
    const stopped = submit();
    stop.abort();
    await expect(stopped).rejects.toMatchObject({ code: 'upload_stopped' });
    const cut = submit();
    Upload.last.onerror?.();
    await expect(cut).rejects.toMatchObject({ code: 'offline' });
  });

  it('sends nothing once it is stopped', async () => {
    vi.stubGlobal('XMLHttpRequest', Upload);
    const send = vi.spyOn(Upload.prototype, 'send');
    await expect(submitJob(new FormData(), 'key', () => undefined, AbortSignal.abort())).rejects.toMatchObject({
      code: 'upload_stopped',
    });
    expect(send).not.toHaveBeenCalled();
  });

  it('sends nothing where cookies are blocked, as the job would belong to nobody', async () => {
    vi.spyOn(document, 'cookie', 'get').mockReturnValue('');
    await expect(submit()).rejects.toMatchObject({ code: 'cookies_blocked' });
    vi.spyOn(document, 'cookie', 'set').mockImplementation(() => {
      throw new DOMException('blocked', 'SecurityError');
    });
    await expect(submit()).rejects.toMatchObject({ code: 'cookies_blocked' });
  });
});

it('makes keys that differ', () => {
  expect(newKey()).toMatch(/^[0-9a-f]{32}$/);
  expect(newKey()).not.toBe(newKey());
});
