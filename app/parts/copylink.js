// Puts an address of this app on the clipboard. Over plain http to another machine there is no clipboard object: then the old way.
export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button"), label = button.querySelector("span"), icon = button.querySelector("i")
  const rest = () => { label.textContent = data.label; icon.textContent = "link" }
  if (!button.dataset.told) rest()
  button.onclick = async () => {
    const text = new URL(data.address, location.origin).href
    let done = true
    try {
      await navigator.clipboard.writeText(text)
    } catch {
      const area = document.createElement("textarea")
      area.value = text
      document.body.append(area)
      area.select()
      done = document.execCommand("copy")
      area.remove()
    }
    button.dataset.told = "1"
    label.textContent = done ? "Copied" : text
    icon.textContent = done ? "check" : "link"
    setTimeout(() => { delete button.dataset.told; rest() }, done ? 1600 : 8000)
  }
}
