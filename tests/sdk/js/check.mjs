// Drives the audience server through the JavaScript SDK @whop/sdk 0.0.42, unmodified.
//
// In: the environment variables BASE_URL, ACCOUNT_ID, API_KEY, OTHER_ACCOUNT_ID, OTHER_API_KEY.
// Out: one line on standard output for each failed check, a closing line `N passed, M failed`, and
// exit code 1 when a check failed.
//
// This SDK asks for the version 2026-07-20 and does not validate what it is sent, so the types are
// checked here: ISO timestamps, and a file whose `size` is a text. Every address is of a reserved
// domain and every phone number of the 555-01xx range.

import Whop from '@whop/sdk';

const { BASE_URL, ACCOUNT_ID, API_KEY, OTHER_ACCOUNT_ID, OTHER_API_KEY } = process.env;
const UNKNOWN_ACCOUNT = 'biz_0000000000000000000000';
const UNKNOWN_AUDIENCE = 'adaud_0000000000000000000000';
const UNKNOWN_FILE = 'file_0000000000000000000000';
const FINAL = ['ready', 'partial', 'failed'];
const RANK = { pending: 0, processing: 1, syncing: 2, ready: 3, partial: 3, failed: 3 };
const ISO_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)$/;
const AUDIENCE_KEYS = [
  'id', 'name', 'status', 'total_rows', 'processed_rows', 'matched_rows', 'progress_percent',
  'error_message', 'platform_audience_ids', 'created_at', 'updated_at', 'match_rates',
  'audience_type', 'lookalike_ratio', 'lookalike_starting_ratio', 'source_audience_id',
];
// A debug build on a busy machine is slow; a test that waits longer than this has found a hang.
const DEADLINE_MS = 120_000;

const client = new Whop({ apiKey: API_KEY, baseURL: BASE_URL });
const other = new Whop({ apiKey: OTHER_API_KEY, baseURL: BASE_URL });
// A conflict is retried by default, which only makes an expected one slow.
const ONCE = { maxRetries: 0 };

let passed = 0;
let failed = 0;
let where = '';

function ok(what, condition, detail) {
  if (condition) {
    passed += 1;
  } else {
    failed += 1;
    const words = typeof detail === 'string' ? detail : text(detail);
    console.log(`js: ${where}: ${what}${detail === undefined ? '' : `: ${words}`}`);
  }
  return Boolean(condition);
}

const text = (value) => (value === undefined ? 'undefined' : JSON.stringify(value));

function equal(what, got, want) {
  return ok(what, text(got) === text(want), `got ${text(got)}, want ${text(want)}`);
}

// The error that `call` threw, or null; it must be of the class `kind`.
async function throws(what, kind, call) {
  let answer;
  try {
    answer = await call();
  } catch (error) {
    const fits = error instanceof kind;
    ok(what, fits, `threw ${error.constructor.name}: ${error.message.slice(0, 300)}`);
    return fits ? error : null;
  }
  ok(what, false, `no error, answered ${text(answer)?.slice(0, 300)}`);
  return null;
}

// A part that breaks off counts as one failed check; the next part goes on.
async function part(name, body) {
  where = name;
  try {
    await body();
  } catch (error) {
    const line = /check\.mjs:(\d+)/.exec(error.stack ?? '')?.[1];
    ok(`broke off in line ${line}`, false, `${error.name}: ${String(error.message).slice(0, 400)}`);
  }
}

function errorBody(what, error, code) {
  const inner = error.error?.error;
  const there = inner !== null && typeof inner === 'object';
  if (!ok(`${what}: the body has an object error`, there, error.error)) return;
  const keys = Object.keys(inner).sort();
  equal(`${what}: the keys of error`, keys, ['code', 'message', 'param', 'type']);
  for (const name of ['type', 'code', 'message']) {
    ok(`${what}: ${name} is a text`, typeof inner[name] === 'string' && inner[name], inner);
  }
  if (code) equal(`${what}: code`, inner.code, code);
}

// Two errors whose bodies differ at most in the ids of their messages.
function alike(what, first, second) {
  if (!first || !second) return;
  const blank = (error) => text(error.error).replace(/\b(biz|adaud|file)_[0-9A-Za-z]+/g, 'ID');
  equal(`${what} answer alike`, blank(first), blank(second));
}

// A small generator with a seed: the same list on every run.
function generator(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const HEADER = ['Customer ID', ' Email Address ', 'Phone', 'First', 'Last', 'Country', 'Note'];
const MAPPING = { email: ' Email Address ', phone: 'Phone', first_name: 'First', last_name: 'Last',
  country: 'Country' };
const AREA_CODES = [201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218];

// A made-up list: its text, its rows, and those with a usable e-mail or phone.
function customers(seed, rows) {
  const random = generator(seed);
  const quote = (cell) => (/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const lines = [HEADER.map(quote).join(',')];
  let usable = 0;
  for (let n = 0; n < rows; n += 1) {
    const email = `user${seed}.${n}@example.net`;
    const area = AREA_CODES[Math.floor(n / 100) % AREA_CODES.length];
    const line = `01${String(n % 100).padStart(2, '0')}`;
    const [good, mail, phone, country] = [
      [1, email, '', 'US'],
      [1, email, `+1${area}555${line}`, ''],
      [1, '', `+1 (${area}) 555-${line}`, ''],
      [1, 'not an address', `+1 ${area} 555 ${line}`, 'US'],
      [1, '', `(${area}) 555-${line}`, 'US'],
      [1, `  ${email.toUpperCase()} `, 'n/a', ''],
      [0, '', `(${area}) 555-${line}`, ''],
      [0, 'not an address', '12', 'US'],
      [0, 'two@@example.net', '', 'US'],
      [0, '', '', ''],
    ][random(10)];
    usable += good;
    const note = n % 89 === 3 ? 'first line\nsecond line, "quoted"' : '';
    lines.push([`c-${n}`, mail, phone, 'Ann', 'Lee, Jr.', country, note].map(quote).join(','));
  }
  return { text: `${lines.join('\n')}\n`, rows, usable };
}

const upload = (content, filename) => client.files.upload(new File([content], filename));

function create(name, fileId, change = {}, options = undefined, by = client) {
  const usual = { account_id: ACCOUNT_ID, name, file_id: fileId, column_mapping: MAPPING };
  return by.audiences.create({ ...usual, ...change }, options);
}

const list = (query = {}, by = client, account = ACCOUNT_ID) =>
  by.audiences.list({ account_id: account, ...query });

async function read(id) {
  const { data } = await list({ audience_id: id });
  if (data.length !== 1 || data[0].id !== id) {
    throw new Error(`List with audience_id answered ${data.length} audiences`);
  }
  return data[0];
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Polls from `audience` on until it is final; checks every state on the way.
async function watch(audience) {
  const deadline = Date.now() + DEADLINE_MS;
  const faults = new Set();
  let last = audience;
  for (;;) {
    const now = await read(audience.id);
    const fault = (condition, words) => condition && faults.add(words);
    fault(!(RANK[now.status] >= RANK[last.status]), `status ${last.status} to ${now.status}`);
    for (const name of ['total_rows', 'processed_rows', 'matched_rows', 'progress_percent']) {
      fault(!Number.isInteger(now[name]), `${name} is ${text(now[name])}`);
      fault(now[name] < last[name], `${name} went back`);
    }
    fault(Date.parse(now.updated_at) < Date.parse(last.updated_at), 'updated_at went back');
    fault(now.created_at !== audience.created_at, 'created_at changed');
    fault(now.matched_rows > now.processed_rows || now.processed_rows > now.total_rows,
      'counters in disorder');
    fault(now.progress_percent < 0 || now.progress_percent > 100, 'progress out of range');
    fault(!FINAL.includes(now.status) && now.progress_percent === 100, `100 while ${now.status}`);
    fault(RANK[now.status] < RANK.syncing && now.matched_rows > 0, `matched while ${now.status}`);
    fault(now.status === 'syncing' && now.processed_rows !== now.total_rows, 'syncing too early');
    const unhappy = ['partial', 'failed'].includes(now.status);
    fault(unhappy !== Boolean(now.error_message), `error_message at ${now.status}`);
    last = now;
    if (FINAL.includes(now.status)) break;
    if (Date.now() > deadline) {
      faults.add(`still ${now.status} after ${DEADLINE_MS} ms`);
      break;
    }
    await sleep(20);
  }
  ok('nothing goes back or contradicts itself while polling', faults.size === 0,
    [...faults].join('; '));
  return last;
}

let file;
let small;
const people = customers(42, 3000);

await part('version', async () => {
  // The shapes below follow from the version that the SDK itself sends.
  equal("the SDK's version", client.version, '2026-07-20');
});

await part('files', async () => {
  const created = await client.files.create({ filename: 'customers.csv' });
  ok('id', created.id.startsWith('file_'), created.id);
  equal('filename', created.filename, 'customers.csv');
  equal('upload_status', created.upload_status, 'pending');
  equal('size before the upload', created.size, null);
  equal('url before the upload', created.url, null);
  equal('visibility', created.visibility, 'public');
  ok('upload_url is absolute', /^https?:/.test(created.upload_url), created.upload_url);
  const headers = created.upload_headers;
  ok('upload_headers is an object', headers && !Array.isArray(headers), headers);
  const answer = await fetch(created.upload_url, {
    method: 'PUT',
    headers,
    body: people.text,
  });
  await answer.arrayBuffer();
  ok('the PUT is answered with 2xx', answer.ok, answer.status);
  ok("the PUT's answer has an ETag", answer.headers.get('etag'));
  const deadline = Date.now() + DEADLINE_MS;
  do {
    await sleep(20);
    file = await client.files.retrieve(created.id);
  } while (['pending', 'processing'].includes(file.upload_status) && Date.now() < deadline);
  equal('upload_status after the upload', file.upload_status, 'ready');
  equal('size is a text', file.size, String(Buffer.byteLength(people.text)));
  equal('url stays null', file.url, null);
  equal('legacy file shape', 'object' in file, false);
  // What is refused at once has to reach a client that is still sending.
  const spoilt = `${created.upload_url.slice(0, -4)}zzzz`;
  const body = Buffer.alloc(20_000_000, 'email\n');
  const status = await fetch(spoilt, { method: 'PUT', headers, body })
    .then(async (refusal) => (await refusal.arrayBuffer()) && refusal.status)
    .catch((error) => `${error.message}: ${error.cause?.code}`);
  equal('20 MB to an address that is not valid', status, 403);
  const missing = await throws('unknown file', Whop.NotFoundError,
    () => client.files.retrieve(UNKNOWN_FILE));
  const foreign = await throws("another key's file", Whop.NotFoundError,
    () => other.files.retrieve(file.id));
  if (missing) errorBody('unknown file', missing);
  alike('an unknown and a foreign file', missing, foreign);
});

await part("the SDK's own upload", async () => {
  const few = customers(7, 20);
  small = await upload(few.text, 'small.csv');
  equal('upload_status', small.upload_status, 'ready');
  equal('filename', small.filename, 'small.csv');
  equal('size', small.size, String(Buffer.byteLength(few.text)));
});

await part('whole flow', async () => {
  const { data: audience, response } = await create('Past purchasers', file.id).withResponse();
  equal('create answers 201', response.status, 201);
  ok('content-type', response.headers.get('content-type')?.startsWith('application/json'));
  equal('name', audience.name, 'Past purchasers');
  const last = await watch(audience);
  for (const [name, want] of Object.entries({
    status: 'ready', total_rows: people.rows, processed_rows: people.rows,
    matched_rows: people.usable, progress_percent: 100, error_message: null,
    platform_audience_ids: [], match_rates: [], audience_type: 'custom', lookalike_ratio: null,
    lookalike_starting_ratio: null, source_audience_id: null,
  })) equal(name, last[name], want);
  ok('id', /^adaud_[0-9A-Za-z]{22}$/.test(last.id), last.id);
  ok('created_at is ISO', ISO_UTC.test(last.created_at), last.created_at);
  ok('updated_at is ISO', ISO_UTC.test(last.updated_at), last.updated_at);
  const lacking = AUDIENCE_KEYS.filter((name) => !(name in last));
  equal('attributes that are not there', lacking, []);
});

await part('headers that match but for case and blanks', async () => {
  const mapping = { ...MAPPING, email: 'email address' };
  const last = await watch(await create('Folded', file.id, { column_mapping: mapping }));
  equal('status', last.status, 'ready');
  equal('matched_rows', last.matched_rows, people.usable);
});

await part('lifetime values', async () => {
  // This SDK's types do not know `ltv`, and it sends the key all the same.
  const csv = 'email,spent\na@example.net,12.50\nb@example.net,"$1,200"\nc@example.net,0\n';
  const values = await upload(csv, 'values.csv');
  const mapping = { email: 'email', ltv: 'spent' };
  const last = await watch(await create('Values', values.id, { column_mapping: mapping }));
  equal('status', last.status, 'ready');
  equal('matched_rows', last.matched_rows, 3);
});

await part('a mapped column that is not there', async () => {
  let message;
  try {
    const audience = await create('Missing', file.id, { column_mapping: { email: 'Correo' } });
    const last = await watch(audience);
    equal('status', last.status, 'failed');
    equal('matched_rows', last.matched_rows, 0);
    message = last.error_message ?? '';
  } catch (error) {
    ok('status code', [400, 409, 422].includes(error.status), error.message);
    message = error.message;
  }
  ok('the message names the column', message.includes('Correo'), message);
  ok("the message lists the file's columns",
    message.includes('Email Address') && message.includes('Phone'), message);
});

await part('create refused', async () => {
  const empty = await client.files.create({ filename: 'never-sent.csv' });
  const early = await throws('file not ready', Whop.ConflictError,
    () => create('Too early', empty.id, {}, ONCE));
  if (early) errorBody('file not ready', early, 'file_not_ready');
  await throws('unknown file', Whop.NotFoundError, () => create('x', UNKNOWN_FILE));
  for (const [title, change] of Object.entries({
    'unknown mapping key': { column_mapping: { email: ' Email Address ', shoe_size: 'Note' } },
    'neither email nor phone': { column_mapping: { first_name: 'First' } },
    'blank name': { name: '  ' },
    'no name': { name: undefined },
    'no mapping': { column_mapping: undefined },
    'no file': { file_id: undefined },
  })) {
    const error = await throws(title, Whop.BadRequestError, () => create('x', file.id, change));
    if (error) errorBody(title, error);
  }
});

await part('keys and accounts', async () => {
  const stranger = new Whop({ apiKey: 'no-such-key', baseURL: BASE_URL });
  for (const [title, call] of Object.entries({
    list: () => list({}, stranger),
    create: () => create('x', file.id, {}, undefined, stranger),
    delete: () => stranger.audiences.delete(UNKNOWN_AUDIENCE),
    'create a file': () => stranger.files.create({ filename: 'x.csv' }),
  })) {
    const error = await throws(`wrong key, ${title}`, Whop.AuthenticationError, call);
    if (error) errorBody(`wrong key, ${title}`, error);
  }
  const foreign = await throws('foreign account, list', Whop.PermissionDeniedError,
    () => list({}, client, OTHER_ACCOUNT_ID));
  const unknown = await throws('unknown account, list', Whop.PermissionDeniedError,
    () => list({}, client, UNKNOWN_ACCOUNT));
  alike('a foreign and an unknown account', foreign, unknown);
  await throws('foreign account, create', Whop.PermissionDeniedError,
    () => create('x', file.id, { account_id: OTHER_ACCOUNT_ID }));
});

await part('tenants do not see each other', async () => {
  const mine = await create('Mine', small.id);
  equal('a foreign audience_id is filtered out',
    (await list({ audience_id: mine.id }, other, OTHER_ACCOUNT_ID)).data, []);
  const foreign = await throws('delete a foreign audience', Whop.NotFoundError,
    () => other.audiences.delete(mine.id));
  const unknown = await throws('delete an unknown audience', Whop.NotFoundError,
    () => other.audiences.delete(UNKNOWN_AUDIENCE));
  alike('a foreign and an unknown audience', foreign, unknown);
  await throws('create with a foreign file', Whop.NotFoundError,
    () => create('x', small.id, { account_id: OTHER_ACCOUNT_ID }, undefined, other));
  equal('the audience is still there', (await read(mine.id)).id, mine.id);
});

await part('list', async () => {
  const ids = [];
  for (let n = 0; n < 26; n += 1) ids.push((await create(`Audience ${n}`, small.id)).id);
  const newest = ids.toReversed();
  const page = await list();
  equal('default page', page.data.length, 20);
  equal('newest first', page.data.map((a) => a.id), newest.slice(0, 20));
  equal('the keys of page_info', Object.keys(page.page_info).sort(),
    ['end_cursor', 'has_next_page', 'has_previous_page', 'start_cursor']);
  const seen = [];
  for await (const audience of list({ first: 4 })) seen.push(audience.id);
  equal('the auto-pager sees each audience once', new Set(seen).size, seen.length);
  equal("the auto-pager's order", seen.slice(0, 26), newest);
  let pages = 0;
  let last;
  for await (last of (await list({ first: 4 })).iterPages()) pages += 1;
  equal('pages', pages, Math.ceil(seen.length / 4));
  equal('end_cursor on the last page', last.page_info.end_cursor, null);
  equal('an unknown audience_id', (await list({ audience_id: UNKNOWN_AUDIENCE })).data, []);
  equal('audience_type lookalike', (await list({ audience_type: 'lookalike' })).data, []);
  await throws('first=0', Whop.BadRequestError, () => list({ first: 0 }));
  const garbled = await throws('an unreadable cursor', Whop.BadRequestError,
    () => list({ after: 'garbled' }));
  const foreign = await throws('a foreign cursor', Whop.BadRequestError,
    () => list({ after: page.page_info.end_cursor }, other, OTHER_ACCOUNT_ID));
  alike('an unreadable and a foreign cursor', garbled, foreign);
});

await part('delete', async () => {
  const gone = await create('Gone', small.id);
  const { data, response } = await client.audiences.delete(gone.id).withResponse();
  equal('status code', response.status, 200);
  equal('answer', data, { success: true });
  equal('gone from List at once', (await list({ audience_id: gone.id })).data, []);
  await throws('a second delete', Whop.NotFoundError, () => client.audiences.delete(gone.id));
});

await part('idempotency', async () => {
  const key = { 'Idempotency-Key': 'js-1' };
  const first = await create('Once', small.id, key);
  const { data: again, response } = await create('Once', small.id, key).withResponse();
  equal('the same answer', again, first);
  equal("the replay's status", response.status, 201);
  equal('Idempotent-Replayed', response.headers.get('Idempotent-Replayed'), 'true');
  let made = 0;
  for await (const audience of list({ first: 100 })) made += audience.name === 'Once';
  equal('audiences made', made, 1);
  const error = await throws('another body', Whop.BadRequestError,
    () => create('Twice', small.id, key));
  if (error) errorBody('another body', error, 'idempotency_key_mismatch');
  const theirs = await other.files.create({ filename: 'x.csv' }, { headers: key });
  ok('keys belong to their caller', theirs.id.startsWith('file_'));
});

await part('clearing up', async () => {
  for await (const audience of list({ first: 100 })) await client.audiences.delete(audience.id);
  equal('nothing is left', (await list()).data, []);
});

console.log(`${passed} passed, ${failed} failed`);
// Open keep-alive connections would hold the process for a while.
process.exit(failed ? 1 : 0);
