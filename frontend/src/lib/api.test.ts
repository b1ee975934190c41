import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { getJob, learnStyle, listJobs, newKey, problemOf, Problem, readRecipe, submitJob } from './api';
import { DOCUMENT, job, PATIENCE } from './fixtures';

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
    [413, '<html>Request Entity Too Large</html>', 'too_large'],
    [429, '', 'too_many_requests'],
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
  static readonly sent = vi.fn();

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
    Upload.sent();
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

  beforeEach(() => {
    vi.stubGlobal('XMLHttpRequest', Upload);
    Upload.sent.mockReset();
    answers(DOCUMENT);
    stop = new AbortController();
  });

  const submit = (form = new FormData()) => submitJob(form, 'key', (share) => shares.push(share), stop.signal);

  /** Begins a submission, and waits until its request is sent. */
  async function begin() {
    const submitted = submit();
    await vi.waitFor(() => {
      expect(Upload.sent).toHaveBeenCalled();
    }, PATIENCE);
    Upload.sent.mockReset();
    return { submitted };
  }

  it('tells how much has gone, and gives the job', async () => {
    const { submitted } = await begin();
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
    const { submitted } = await begin();
    Upload.last.answer(429, { code: 'too_many_requests', detail: 'wait' });
    await expect(submitted).rejects.toMatchObject({ code: 'too_many_requests', message: 'wait' });
  });

  it('can be stopped, and notices a cut line', async () => {
    const cut = await begin();
    Upload.last.onerror?.();
    await expect(cut.submitted).rejects.toMatchObject({ code: 'offline' });
    const stopped = await begin();
    stop.abort();
    await expect(stopped.submitted).rejects.toMatchObject({ code: 'upload_stopped' });
  });

  it('sends nothing once it is stopped', async () => {
    stop.abort();
    await expect(submit()).rejects.toMatchObject({ code: 'upload_stopped' });
    expect(Upload.sent).not.toHaveBeenCalled();
  });

  it('sends nothing that is too large in sum', async () => {
    const form = new FormData();
    const half = new Blob([new Uint8Array(DOCUMENT.limits.max_upload_bytes / 2)]);
    form.append('preset', 'quality');
    form.append('content_image', half);
    form.append('style_image', new Blob([half, 'one byte more']));
    await expect(submit(form)).rejects.toMatchObject({ code: 'too_large' });
    await expect(learnStyle(form, 'key')).rejects.toMatchObject({ code: 'too_large' });
    expect(Upload.sent).not.toHaveBeenCalled();
    expect(fetched.mock.calls.filter(([path]) => path.endsWith('/learning'))).toEqual([]);
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
