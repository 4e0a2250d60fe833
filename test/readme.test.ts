import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { account } from '../services/local/account.ts'
import { names } from '../services/platform/resources.ts'
import { fullEventSchema } from '../services/uploads/events/event.ts'
import { uploadStatuses } from '../services/uploads/records/record.ts'
import { renderConfigurationTable } from './support/configuration-table.ts'

const BEGIN = '<!-- configuration -->'
const END = '<!-- /configuration -->'

function read(name: string): string {
  return readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')
}

t.test('docs/reference/configuration.md has the table of the environment variables from the schemas', async t => {
  const found = read('docs/reference/configuration.md').split(BEGIN)[1]?.split(END)[0]?.trim()
  const expected = renderConfigurationTable()
  const isThere = found === expected
  if (!isThere) t.comment(`Paste into docs/reference/configuration.md:\n\n${BEGIN}\n${expected}\n${END}\n`)
  t.ok(isThere, `the table is between ${BEGIN} and ${END}`)
})

t.test('the README lists existing variables with their defaults', async t => {
  const section = /^## Configuration\n(?<text>[\s\S]*?)(?=^## )/m.exec(read('README.md'))?.groups?.text ?? ''
  const cellsOf = (row: string) => row.split(' | ').map(cell => cell.replace(/^\| /, ''))
  const all = new Map(
    renderConfigurationTable()
      .split('\n')
      .map(row => [cellsOf(row)[0], cellsOf(row)[2]]),
  )
  const named = section.split('\n').filter(line => line.startsWith('| `'))
  t.ok(named.length >= 8)
  for (const row of named) {
    const [variables = '', value] = cellsOf(row)
    for (const variable of variables.split(', ')) t.equal(all.get(variable), value, variable)
  }
})

t.test('the table lists every variable once, with its process and its default or "required"', async t => {
  const rows = renderConfigurationTable().split('\n').slice(2)
  const variables = rows.map(row => row.split(' | ')[0])
  t.equal(new Set(variables).size, rows.length)
  const cells = Object.fromEntries(rows.map(row => [/`(\w+)`/.exec(row)?.[1], row.split(' | ').slice(1, 3)]))
  t.match(cells, {
    AWS_REGION: ['both', '**required**'],
    STREAM_NAME: ['both', `\`${names.stream}\``],
    COGNITO_CLIENT_ID: ['api', '**required**'],
    COGNITO_ISSUER: ['api', 'none'],
    TRUST_PROXY: ['api', 'empty'],
    PROCESSED_BUCKET: ['worker', '**required**'],
  })
})

t.test('docs/reference/storage.md lists the properties of an event and the statuses of an upload', async t => {
  const page = read('docs/reference/storage.md')
  const rows = /<!-- event -->\n([\s\S]*?)<!-- \/event -->/.exec(page)?.[1]?.split('\n').slice(2) ?? []
  const listed = rows.flatMap(row => {
    const [, names = '', type = ''] = row.split('|')
    return [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => [name, !type.includes('optional')] as const)
  })
  const required: readonly string[] = fullEventSchema.required ?? []
  const expected = Object.keys(fullEventSchema.properties).map(name => [name, required.includes(name)] as const)
  t.strictSame(new Map([...listed].sort()), new Map([...expected].sort()))
  const statuses = [...page.matchAll(/^\| `([a-z]+)` \| .*\| (?:yes.*)?\|$/gm)].map(([, status]) => status)
  t.strictSame(statuses, uploadStatuses)
})

const root = path.resolve(import.meta.dirname, '..')
const pages = globSync('**/*.md', {
  cwd: root,
  exclude: name => /^(?:node_modules|\.git|\.tap|dist)$/.test(path.basename(name)),
})

t.test('links in Markdown lead to files and headings that exist', async t => {
  t.ok(pages.length > 50)
  const dead = pages.flatMap(page =>
    [...read(page).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link = '']) => link)
      .filter(link => !/^[a-z]+:/.test(link) && !leadsSomewhere(path.join(root, page), link))
      .map(link => `${page}: ${link}`),
  )
  t.strictSame(dead, [])
})

t.test('no Markdown page contains the marker of an unresolved merge conflict', async t => {
  const conflicted = pages.filter(page => /^(?:<{7}|>{7}) /m.test(read(page)))
  t.strictSame(conflicted, [])
})

/** Returns true if a link names an existing file or folder, and its anchor a heading of the page. */
function leadsSomewhere(page: string, link: string): boolean {
  const [file = '', anchor = ''] = link.split('#')
  const target = file === '' ? page : path.resolve(path.dirname(page), file)
  if (!existsSync(target)) return false
  return anchor === '' || !target.endsWith('.md') || anchorsOf(readFileSync(target, 'utf8')).includes(anchor)
}

/** Returns the anchors that GitHub generates for the headings of a page. A repeated heading gets a number. */
function anchorsOf(markdown: string): string[] {
  const counts = new Map<string, number>()
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => {
    const anchor = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_\- ]/gu, '')
      .trim()
      .replaceAll(' ', '-')
    const count = counts.get(anchor) ?? 0
    counts.set(anchor, count + 1)
    return count === 0 ? anchor : `${anchor}-${count}`
  })
}

t.test('docker-compose.yml has the same names of resources and the same account as the code', async t => {
  const compose = read('docker-compose.yml')
  const lines = {
    AWS_REGION: account.region,
    AWS_ACCESS_KEY_ID: account.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: account.credentials.secretAccessKey,
    UPLOAD_BUCKET: names.uploadBucket,
    PROCESSED_BUCKET: names.processedBucket,
    STREAM_NAME: names.stream,
    UPLOADS_TABLE: names.uploadsTable,
    COGNITO_USER_POOL_ID: account.userPoolId,
    COGNITO_CLIENT_ID: account.userPoolClientId,
  }
  for (const [variable, value] of Object.entries(lines)) {
    const found = [...compose.matchAll(new RegExp(`^ *${variable}: (.*)$`, 'gm'))].map(([, text]) => text)
    t.ok(found.length > 0, `${variable} is there`)
    t.same(new Set(found), new Set([value]), variable)
  }
  const issuer = /COGNITO_ISSUER: (.*)/.exec(compose)?.[1] ?? ''
  const origin = /--issuer-origin=(.*)/.exec(compose)?.[1] ?? ''
  t.equal(issuer, `${origin}/${account.userPoolId}`)
  t.match(compose, `- ${origin.replace('http://', '')}:9229\n`, 'this machine reaches the issuer that tokens name')
  t.match(compose, `COGNITO_JWKS_URL: http://aws:9229/${account.userPoolId}/.well-known/jwks.json\n`)
})
