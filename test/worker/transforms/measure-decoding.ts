/** Creates a thumbnail of the file in its argument, and prints by how many bytes this process grew. */
import { readFileSync } from 'node:fs'
import { createTransform } from '../../../services/worker/transforms/rules/transform-source.ts'
import { flat } from './hostile-images.ts'
import { make } from './support.ts'

const image = await createTransform({ kind: 'built-in', name: 'image', options: {} })
// sharp is loaded before the measurement.
await make(image, [await flat(16).png().toBuffer()])
const bytes = readFileSync(process.argv[2] ?? '')
const before = process.memoryUsage.rss()
await make(image, [bytes])
// `resourceUsage` is not used, because it includes the size of the process that started this one.
const most = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))
process.stdout.write(String(Number(most?.[1]) * 1_024 - before))
