import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from './chromium.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Returns the rules of WCAG 2 and the best practices that the page breaks, each with the elements. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  return await page.evaluate<string[]>(`(async () => {
    if (!globalThis.axe) { ${axe} }
    const { violations } = await axe.run(document)
    return violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 120)).join(' | '))
  })()`)
}
