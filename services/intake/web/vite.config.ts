import { defineConfig } from "vite";

// One classic script, so that the page needs one tag and the script finds its own address.
export default defineConfig({
  build: {
    outDir: "../static",
    emptyOutDir: true,
    target: "es2021",
    reportCompressedSize: true,
    lib: { entry: "src/main.ts", formats: ["iife"], name: "switchboardChatWidget", fileName: () => "widget.js" },
  },
});
