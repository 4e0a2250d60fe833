/**
 * Makes the links of the packed Markdown files work outside of the repository. `npm pack` runs it in the folder of each package: before
 * the package is packed, with `absolute`, and afterwards, with `restore`.
 *
 * A relative link to a file that is not in the package becomes a link to the repository. The files of the repository keep relative links,
 * which also work in a clone and on a branch.
 */
import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

interface Manifest {
  files: readonly string[]
  repository: { url: string; directory?: string }
}

/** npm puts these into every package. */
const ALWAYS = ['README.md', 'LICENSE', 'package.json']

/** The files as they were, by their names. It is in no package. */
const SAVED = '.unpacked-links.json'

/** Returns the text with absolute links in place of the relative ones to files that are not in the package. */
export function absoluteLinks(text: string, page: string, { files, repository }: Manifest): string {
  const base = repository.url.replace(/^git\+/, '').replace(/\.git$/, '')
  const isPacked = (file: string) => [...ALWAYS, ...files].some(name => file === name || file.startsWith(`${name}/`))
  return text.replace(/\]\((?![a-z]+:|#)([^)\s#]+)(#[^)\s]*)?\)/g, (link, target: string, anchor = '') => {
    const file = path.posix.join(path.posix.dirname(page), target)
    if (isPacked(file)) return link
    const inRepository = path.posix.join(repository.directory ?? '.', file).replace(/\/$/, '')
    return `](${base}/${target.endsWith('/') ? 'tree' : 'blob'}/main/${inRepository}${anchor})`
  })
}

function makeAbsolute(): void {
  restore()
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest
  const patterns = manifest.files.map(file => (file.endsWith('.md') ? file : `${file}/**/*.md`))
  const pages = globSync(['README.md', ...patterns]).map(file => file.split(path.sep).join('/'))
  const before = Object.fromEntries(pages.map(page => [page, readFileSync(page, 'utf8')]))
  writeFileSync(SAVED, JSON.stringify(before))
  for (const [page, text] of Object.entries(before)) writeFileSync(page, absoluteLinks(text, page, manifest))
}

/** Restores the files, also those of a run that was interrupted. */
function restore(): void {
  if (!existsSync(SAVED)) return
  const before = JSON.parse(readFileSync(SAVED, 'utf8')) as Record<string, string>
  for (const [page, text] of Object.entries(before)) writeFileSync(page, text)
  rmSync(SAVED)
}

if (import.meta.main) {
  const [what] = process.argv.slice(2)
  if (what === 'absolute') makeAbsolute()
  else if (what === 'restore') restore()
  else throw new Error(`Usage: node packed-links.ts absolute|restore, not "${what}"`)
}
