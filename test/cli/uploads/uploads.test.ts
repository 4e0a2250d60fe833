import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { headgateHere } from '../program.ts'
import { startWithProfile } from './support.ts'

const { pipeline, configDir } = await startWithProfile(t)
const headgate = headgateHere(t, { HEADGATE_CONFIG_DIR: configDir })

const UUID = /[\da-f]{8}-[\da-f-]{27}/

t.test('a file is uploaded and processed, and comes back as it was and as an output', async t => {
  const dir = t.testdir({ 'photo.txt': 'hello terminal' })
  const file = path.join(dir, 'photo.txt')
  const uploaded = await headgate('upload', file, '--wait')
  t.equal(uploaded.code, 0, uploaded.stderr)
  t.match(
    uploaded.stdout,
    /^processed {2}[\da-f-]{36} +14 B {2}.*photo\.txt\n {2}s3:\/\/headgate-processed\/processed\/.*\/photo\.txt\n$/,
  )
  t.match(uploaded.stderr, `Uploading to ${pipeline.apiUrl} (profile local)`)
  const [id = ''] = UUID.exec(uploaded.stdout) ?? []

  const status = await headgate('status', id)
  t.match(status.stdout, /^status +processed$/m)
  t.match(status.stdout, /^transform +upper-case \d+$/m)
  t.match((await headgate('ls')).stdout, new RegExp(`^${id} +processed +14 B +\\S+ \\S+ +photo.txt$`, 'm'))
  t.match((await headgate('ls', '--status', 'failed')).stderr, 'There are no uploads.')
  t.match(await headgate('watch', id), { code: 0, stdout: new RegExp(`^processed +${id} +photo.txt\n`) })

  const copy = path.join(dir, 'copy.txt')
  t.match(await headgate('get', id, '-o', copy), { code: 0, stdout: `${copy}  14 B\n` })
  t.equal(readFileSync(copy, 'utf8'), 'hello terminal')
  t.match(await headgate('get', id, '-o', copy), {
    code: 1,
    stderr: /copy.txt exists. Choose another name with -o, or replace/,
  })
  t.equal((await headgate('get', id, '-o', copy, '--processed', '--force')).code, 0)
  t.equal(readFileSync(copy, 'utf8'), 'HELLO TERMINAL')
  t.match(await headgate('get', id, '-o', dir, '--output', 'main'), {
    stdout: `${path.join(dir, 'photo.processed.txt')}  14 B\n`,
  })
  t.match(await headgate('get', id, '--output', 'nothing', '-o', dir), {
    code: 1,
    stderr: 'The upload has no output with this name.\n',
  })
  t.strictSame(readdirSync(dir).sort(), ['copy.txt', 'photo.processed.txt', 'photo.txt'])

  t.match(await headgate('rm', id), { code: 0, stdout: `deleted  ${id}\n` })
  t.match(await headgate('rm', id), { code: 0 }, 'a second time nothing is left to delete')
  t.match(await headgate('status', id), { code: 1, stderr: 'You have no upload with this id.\n' })
})

t.test('a file whose name begins with a dot comes back under its name, with a hint that it is hidden', async t => {
  const dir = t.testdir({ '.settings': 'a = 1', back: {} })
  const { uploadId } = (await headgate('upload', path.join(dir, '.settings'), '--json')).lines()[0]
  const back = path.join(dir, 'back')
  const got = await headgate('get', uploadId, '-o', back)
  t.match(got, { code: 0, stdout: `${path.join(back, '.settings')}  5 B\n`, stderr: /^The name begins with a dot, / })
  t.strictSame(readdirSync(back), ['.settings'], 'no part is left')
  t.match(await headgate('get', uploadId, '-o', path.join(back, '.copy')), { code: 0, stderr: '' })
})

t.test('a file that is there is not uploaded again, unless it was deleted, or --force is given', async t => {
  const file = path.join(t.testdir({ 'same.txt': 'the same' }), 'same.txt')
  const upload = async (...args: string[]) => (await headgate('upload', file, '--json', ...args)).lines()[0]
  const first = await upload()
  t.match(first, { file, wasThere: false, filename: 'same.txt', size: 8 })
  t.match(await upload(), { wasThere: true, uploadId: first.uploadId })
  t.match(await upload('--name', 'other.txt'), { wasThere: false }, 'under another name it is another upload')
  const forced = await upload('--force')
  t.not(forced.uploadId, first.uploadId)
  for (const { uploadId } of [first, forced]) await headgate('rm', uploadId)
  const again = await upload()
  t.match(again, { wasThere: false })
  t.notOk([first.uploadId, forced.uploadId].includes(again.uploadId), 'the key of a deleted upload is not used again')
  t.match((await headgate('status', again.uploadId)).code, 0)
})

t.test('--metadata is kept with a file, and finds it', async t => {
  const file = path.join(t.testdir({ 'plan.txt': 'a plan' }), 'plan.txt')
  const upload = async (...args: string[]) => (await headgate('upload', file, '--json', ...args)).lines()[0]
  const first = await upload('--metadata', 'project=apollo', '-m', 'note=a=b c')
  t.match((await headgate('status', first.uploadId, '--json')).lines()[0], {
    metadata: { project: 'apollo', note: 'a=b c' },
  })
  t.match(
    (await headgate('status', first.uploadId)).stdout,
    /^metadata {2}note=a=b c, project=apollo$|^metadata {2}project=apollo, note=a=b c$/m,
  )
  t.match(await upload('-m', 'note=a=b c', '-m', 'project=apollo'), { wasThere: true, uploadId: first.uploadId })
  t.match(await upload(), { wasThere: true }, 'without metadata, the name and the content decide')
  const other = await upload('-m', 'project=gemini')
  t.match(other, { wasThere: false })
  t.strictSame(
    (await headgate('ls', '-m', 'project=gemini', '--json')).lines().map(({ uploadId }) => uploadId),
    [other.uploadId],
  )
  for (const [args, stderr] of [
    [['-m', 'project'], "--metadata must be NAME=VALUE, not 'project'."],
    [['-m', 'a=1', '-m', 'a=2'], "--metadata has the name 'a' twice."],
  ] as const) {
    t.match(await headgate('upload', file, ...args), { code: 2, stderr })
  }
  t.match(await headgate('upload', file, '-m', 'Project=x'), { code: 1, stderr: /The metadata has the name "Project"/ })
})

t.test('directories, patterns and the standard input are uploaded', async t => {
  const dir = t.testdir({ 'a.csv': 'a,b\n1,2\n', sub: { 'b.csv': 'c\n3\n', deep: { 'c.txt': 'three' } } })
  symlinkSync(path.join(dir, 'a.csv'), path.join(dir, 'link.csv'))
  symlinkSync(path.join(dir, 'nowhere'), path.join(dir, 'broken'))
  symlinkSync(dir, path.join(dir, 'loop'))
  const names = (result: Awaited<ReturnType<typeof headgate>>) =>
    result
      .lines()
      .map(line => line.filename)
      .sort()
  t.strictSame(names(await headgate('upload', dir, '--recursive', '--json')), ['a.csv', 'b.csv', 'c.txt', 'link.csv'])
  t.strictSame(names(await headgate('upload', path.join(dir, '*.csv'), '--json')), ['a.csv', 'link.csv'])
  t.match(await headgate('upload', dir, '-r'), {
    code: 1,
    stderr: /failed .*broken: it is a link to nothing\.\n0 uploaded, 4 already there, 1 failed\.\n$/,
  })

  const program = path.resolve(import.meta.dirname, '../../../services/cli/headgate.ts')
  const run = promisify(execFile)(process.execPath, [program, 'upload', '-', '--name', 'piped.txt', '--json'], {
    env: { ...process.env, HEADGATE_CONFIG_DIR: configDir },
  })
  run.child.stdin?.end('from a pipe')
  t.match(JSON.parse((await run).stdout), { filename: 'piped.txt', size: 11, file: '-' })
})

t.test('what cannot be uploaded gets one sentence and a stable exit code', async t => {
  const dir = t.testdir({ 'a.txt': 'a', 'b.txt': 'b', empty: {} })
  const file = path.join(dir, 'a.txt')
  const wrong: Array<[args: string[], code: number, message: RegExp]> = [
    [['upload'], 2, /^Name the files to upload\. See: headgate upload --help\n$/],
    [['upload', path.join(dir, 'nix.txt')], 2, /^There is no file '.*nix\.txt'\.\n$/],
    [['upload', path.join(dir, '*.png')], 2, /^There is no file '.*\*\.png'\.\n$/],
    [['upload', dir], 2, /^'.*' is a directory\. To upload the files in it, add --recursive\.\n$/],
    [['upload', '-r', path.join(dir, 'empty')], 2, /^There are no files in the directory\.\n$/],
    [['upload', '-'], 2, /^The standard input has no name\. Add --name NAME\.\n$/],
    [['upload', '-', file], 2, /is uploaded alone/],
    [['upload', file, path.join(dir, 'b.txt'), '--name', 'x'], 2, /^--name is for one file, but there are 2\.\n$/],
    [
      ['upload', file, '--method', 'grand'],
      2,
      /^--method must be raw, grant, tus, not 'grand'\. Did you mean 'grant'\?\n$/,
    ],
    [['upload', file, '--concurrency', '0'], 2, /^--concurrency must be a number from 1 to 64, not '0'\.\n$/],
    [
      ['upload', file, '--profile', 'prod'],
      2,
      /^There is no profile 'prod'\. The profiles are: local\. `headgate login URL --profile prod` creates it\.\n$/,
    ],
    [['upload', file, '--name', 'a/b.txt'], 1, /failed .*a\.txt: The file name contains a path separator/],
    [['upload', '/dev/null'], 2, /^'\/dev\/null' is not a file\./],
    [['get', 'photo.jpg'], 2, /^'photo\.jpg' is no id of an upload\. `headgate ls` lists the ids\.\n$/],
    [['get'], 2, /^Name an upload by its id\./],
    [['ls', '--limit', 'all'], 2, /^--limit must be a number from 1, not 'all'\.\n$/],
    [['ls', '--status', 'done'], 2, /^--status must be pending, /],
  ]
  for (const [args, code, message] of wrong) {
    const result = await headgate(...args)
    t.equal(result.code, code, args.join(' '))
    t.match(result.stderr.replace(/^Uploading to .*\n/, ''), message)
    t.equal(result.stdout, '')
  }
})

t.test('what cannot be read in a directory is reported, and does not stop the other files', async t => {
  const dir = t.testdir({ good: { 'a.txt': 'readable', 'link.txt': t.fixture('symlink', './nowhere') } })
  writeFileSync(Buffer.concat([Buffer.from(path.join(dir, 'good/bad')), Buffer.from([0xff]), Buffer.from('.txt')]), 'x')
  execFileSync('mkfifo', [path.join(dir, 'good/pipe')])
  const result = await headgate('upload', '-r', dir)
  t.equal(result.code, 1)
  t.match(result.stdout, /^uploaded .*a\.txt\n$/)
  t.match(result.stderr, /failed .*bad.*: its name is not UTF-8\. Rename it\./)
  t.match(result.stderr, /failed .*link\.txt: it is a link to nothing\./)
  t.match(result.stderr, /failed .*pipe: it is not a file\./)
  t.match(result.stderr, /1 uploaded, 3 failed\.\n$/)
})

t.test('a name with a line break or an escape code cannot forge output', async t => {
  const dir = t.testdir({ 'a\n\u001b[31mdeleted  x.txt': 'a' })
  const result = await headgate('upload', '-r', dir)
  t.equal(result.code, 1)
  t.match(result.stderr, /failed .*a\\u\{a\}\\u\{1b\}\[31mdeleted {2}x\.txt: The file name contains U\+000A/)
  t.notMatch(result.stderr, '\u001b')
})

t.test('an output is written into a device and a pipe, and never replaces one', async t => {
  const dir = t.testdir({ 'a.txt': 'through a pipe' })
  const { uploadId } = (await headgate('upload', path.join(dir, 'a.txt'), '--json')).lines()[0]
  const pipe = path.join(dir, 'pipe')
  execFileSync('mkfifo', [pipe])
  const read = promisify(execFile)('cat', [pipe])
  t.equal((await headgate('get', uploadId, '-o', pipe, '--force')).code, 0)
  t.equal((await read).stdout, 'through a pipe')
  t.ok(statSync(pipe).isFIFO())
  t.match(await headgate('get', uploadId, '-o', path.join(dir, 'none/x')), {
    code: 1,
    stderr: /^There is no directory .*none\. Create it first\./,
  })
})

t.test('a file that fails does not stop the others, and the command fails', async t => {
  const dir = t.testdir({ 'a.txt': 'one of two', 'bad\u202Ename.txt': 'two of two' })
  const result = await headgate('upload', '-r', dir, '--json')
  t.equal(result.code, 1)
  t.strictSame(
    result.lines().map(line => line.filename),
    ['a.txt'],
  )
  t.match(JSON.parse(result.stderr), { file: /name\.txt$/, error: { code: 'HEADGATE_PROBLEM', message: /U\+202E/ } })
})

t.test('without a profile, and when nothing listens, the command says what to do', async t => {
  const root = t.testdir({ 'a.txt': 'a', nothing: {} })
  const file = path.join(root, 'a.txt')
  const nowhere = headgateHere(t, { HEADGATE_CONFIG_DIR: path.join(root, 'nothing') })
  t.match(await nowhere('upload', file), {
    code: 2,
    stderr: /No deployment is known yet\. Sign in first: headgate login https:/,
  })
  const dir = path.join(root, 'config')
  mkdirSync(path.join(dir, 'profiles'), { recursive: true })
  const stale = JSON.parse(readFileSync(path.join(configDir, 'profiles/local.json'), 'utf8'))
  writeFileSync(path.join(dir, 'profiles/local.json'), JSON.stringify({ ...stale, issuer: 'http://127.0.0.1:1/pool' }))
  t.match(await headgateHere(t, { HEADGATE_CONFIG_DIR: dir })('ls'), {
    code: 1,
    stderr:
      'http://127.0.0.1:1, which signs users in, did not respond. Does `npm start` run? Its profile is `local`.\n',
  })
  writeFileSync(path.join(dir, 'profiles/local.json'), '{"url": 1')
  t.match(await headgateHere(t, { HEADGATE_CONFIG_DIR: dir })('ls'), {
    code: 2,
    stderr: /local\.json is invalid: it is not JSON\. Correct it, or/,
  })
})

t.test('API_URL and API_TOKEN are used instead of a profile', async t => {
  const { idToken } = JSON.parse(readFileSync(path.join(configDir, 'credentials/local.json'), 'utf8'))
  const here = headgateHere(t, { HEADGATE_CONFIG_DIR: t.testdir(), API_URL: pipeline.apiUrl, API_TOKEN: idToken })
  t.match(await here('whoami'), {
    code: 0,
    stdout: /^user +demo@example\.com, id .*\n.*\nprofile +none, API_URL and API_TOKEN are set\n/,
  })
  const forged = headgateHere(t, {
    HEADGATE_CONFIG_DIR: t.testdir(),
    API_URL: pipeline.apiUrl,
    API_TOKEN: `${idToken}x`,
  })
  t.match(await forged('whoami'), { code: 1, stderr: /Set API_TOKEN to a new token\.\n$/ })
})

t.test('API_URL or API_TOKEN alone, and values that cannot be used, are refused at once', async t => {
  const refused: Array<[env: Record<string, string>, message: RegExp]> = [
    [
      { API_URL: pipeline.apiUrl },
      /^API_URL is set alone\. Set API_URL and API_TOKEN, or neither and use a profile\.\n$/,
    ],
    [{ API_TOKEN: 'abc' }, /^API_TOKEN is set alone\./],
    [{ API_URL: pipeline.apiUrl, API_TOKEN: 'a\nb' }, /^API_TOKEN is no token: it has a space, a line break/],
    [{ API_URL: '127.0.0.1:3000', API_TOKEN: 'abc' }, /is no URL of an api\. It begins with https:/],
  ]
  for (const [env, stderr] of refused) {
    t.match(await headgateHere(t, { HEADGATE_CONFIG_DIR: configDir, ...env })('ls'), { code: 2, stderr })
  }
})

t.test('the profile and the tokens are readable by this user only', { skip: process.platform === 'win32' }, async t => {
  for (const name of ['profiles/local.json', 'credentials/local.json']) {
    t.equal(statSync(path.join(configDir, name)).mode & 0o777, 0o600, name)
    t.equal(statSync(path.dirname(path.join(configDir, name))).mode & 0o777, 0o700)
  }
})

t.test('a large file goes straight to S3, and comes back', async t => {
  const dir = t.testdir()
  const bytes = randomBytes(20_000_000)
  writeFileSync(path.join(dir, 'large.bin'), bytes)
  const [uploaded] = (await headgate('upload', path.join(dir, 'large.bin'), '--json')).lines()
  t.match(uploaded, { size: bytes.length })
  t.equal((await headgate('get', uploaded.uploadId, '-o', path.join(dir, 'back.bin'))).code, 0)
  t.ok(readFileSync(path.join(dir, 'back.bin')).equals(bytes))
})
