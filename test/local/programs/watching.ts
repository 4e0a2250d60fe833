/** A program that ends with a word when its parent is gone. */
import { watchParent } from '../../../services/local/parent.ts'

watchParent(() => {
  process.stdout.write('the parent is gone\n')
  process.exit(0)
})
process.stdout.write(`${process.pid}\n`)
setInterval(() => undefined, 1_000)
