import path from 'node:path'
import { fileURLToPath } from 'node:url'

const HEADGATE = path.resolve(import.meta.dirname, '../../..')

/** Returns whether a URL is that of a file that a user writes: neither Headgate's own code nor an installed package. */
export function isOwnFile(url: string): boolean {
  if (!url.startsWith('file:')) return false
  const file = fileURLToPath(url)
  if (file.split(path.sep).includes('node_modules')) return false
  return !['services', 'dist'].some(folder => file.startsWith(path.join(HEADGATE, folder) + path.sep))
}

/** Returns the path of the file that TRANSFORMS names, or undefined if the variable contains the rules themselves. */
export function rulesFile(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' || /^\s*[{[]/.test(text) ? undefined : path.resolve(text)
}
