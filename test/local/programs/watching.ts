/** A program that prints a line and ends when its parent has ended. */
import { watchParent } from '../../../services/local/parent.ts'

watchParent(() => {
  process.stdout.write('the parent is gone\n')
  process.exit(0)
})
process.stdout.write(`${process.pid}\n`)
setInterval(() => undefined, 1_000)
